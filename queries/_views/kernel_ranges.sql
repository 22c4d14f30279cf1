-- One NVTX range around one kernel.
--
-- For nsys the ranges of the launching thread in which the launch lies: push/pop ranges of all domains, also
-- where they cross, and start/end ranges. For ncu what the report says, per domain and without instances. A
-- view, because a kernel lies in as many ranges as they nest: as a table it would be most of the database.
-- @needs  ncu_ranges|nvtx_ranges
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the kernel
-- @column domain VARCHAR    NVTX domain; empty for the default one
-- @column style VARCHAR     pushpop or startend
-- @column depth INTEGER     0 is the outermost range (ncu: of its domain)
-- @column text VARCHAR      message of the range
-- @column path VARCHAR      messages from the outermost range to this one, joined by /
-- @column range_id BIGINT   the range in nvtx_ranges; NULL for ncu, which records texts only

WITH around AS (
    SELECT trace_id, kernel_id, domain, style, depth, text, path, NULL::BIGINT AS range_id
    FROM ncu_ranges
    UNION ALL
    SELECT kernels.trace_id, kernel_id, domain, style, depth, text, path, nvtx_ranges.range_id
    FROM kernels
    JOIN range_ancestors ON range_ancestors.range_id = kernels.range_id
    JOIN nvtx_ranges ON nvtx_ranges.range_id = ancestor_id
    UNION ALL
    SELECT kernels.trace_id, kernel_id, domain, style, depth, text, path, nvtx_ranges.range_id
    FROM range_calls
    JOIN kernels ON kernels.api_call_id = range_calls.api_call_id
    JOIN nvtx_ranges ON nvtx_ranges.range_id = range_calls.range_id
)
SELECT trace_id, trace, around.* EXCLUDE (trace_id)
FROM around
JOIN traces USING (trace_id)
