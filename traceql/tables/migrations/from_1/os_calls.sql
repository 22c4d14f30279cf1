-- Ids were numbered through all traces of a database; now each begins with the number of its trace.

SELECT * REPLACE (
    trace_id * 4294967296 + os_call_id AS os_call_id
)
FROM old.os_calls
