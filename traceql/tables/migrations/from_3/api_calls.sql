-- Stacks of calls were not stored.

SELECT *, NULL::BIGINT AS stack_id, NULL::BIGINT AS python_stack_id
FROM old.api_calls
