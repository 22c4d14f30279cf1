-- Green contexts, and why managed memory migrated, were not stored.

SELECT *, NULL::BIGINT AS green_context_id, NULL::VARCHAR AS migration_cause FROM old.memory_ops
