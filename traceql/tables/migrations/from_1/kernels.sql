-- Ids were numbered through all traces of a database; now each begins with the number of its trace.

SELECT * REPLACE (
    trace_id * 4294967296 + kernel_id AS kernel_id,
    trace_id * 4294967296 + api_call_id AS api_call_id,
    trace_id * 4294967296 + range_id AS range_id
)
FROM old.kernels
