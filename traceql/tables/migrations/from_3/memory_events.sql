-- How much of a pool was in use was not stored.

SELECT *, NULL::BIGINT AS pool_used_bytes
FROM old.memory_events
