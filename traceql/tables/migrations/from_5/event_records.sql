-- Green contexts were not stored.

SELECT *, NULL::BIGINT AS green_context_id FROM old.event_records
