-- Stacks of calls were not stored.

SELECT *, NULL::BIGINT AS stack_id
FROM old.os_calls
