-- Ids were numbered through all traces of a database; now each begins with the number of its trace. The kind of
-- an operation was called operation.

SELECT * REPLACE (
    trace_id * 4294967296 + memory_op_id AS memory_op_id,
    trace_id * 4294967296 + api_call_id AS api_call_id,
    trace_id * 4294967296 + range_id AS range_id
) RENAME (operation AS kind)
FROM old.memory_ops
