-- Ids were numbered through all traces of a database; now each begins with the number of its trace.

SELECT * REPLACE (
    trace_id * 4294967296 + sync_id AS sync_id,
    trace_id * 4294967296 + api_call_id AS api_call_id
)
FROM old.syncs
