-- Ids were numbered through all traces of a database; now each begins with the number of its trace.

SELECT * REPLACE (
    trace_id * 4294967296 + range_id AS range_id,
    trace_id * 4294967296 + parent_id AS parent_id
)
FROM old.nvtx_ranges
