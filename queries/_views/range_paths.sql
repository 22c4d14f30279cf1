-- The innermost push/pop range around one kernel, per NVTX domain.
--
-- A kernel outside any range has no row; with the domain '' it has one at most.
-- @needs  ncu_ranges|nvtx_ranges
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the kernel, see kernels
-- @column domain VARCHAR    NVTX domain; empty for the default one
-- @column path VARCHAR      messages from the outermost range to this one, joined by /

WITH nested AS (
    SELECT range_ancestors.range_id, domain, max(depth) AS depth, arg_max(path, depth) AS path
    FROM range_ancestors
    JOIN nvtx_ranges ON nvtx_ranges.range_id = ancestor_id
    WHERE style = 'pushpop'
    GROUP BY range_ancestors.range_id, domain
),
-- Launches that lie in ranges beside the tree as well, which are few: a row for each kernel in the others is
-- made of those of its range, without looking at all of them.
crossed AS (
    SELECT kernels.trace_id, kernel_id, kernels.range_id, domain, depth, path
    FROM range_calls
    JOIN kernels USING (api_call_id)
    JOIN nvtx_ranges ON nvtx_ranges.range_id = range_calls.range_id
    WHERE style = 'pushpop'
),
around AS (
    SELECT trace_id, kernel_id, domain, path
    FROM (FROM kernels ANTI JOIN crossed USING (kernel_id))
    JOIN nested USING (range_id)
    UNION ALL
    SELECT trace_id, kernel_id, domain, arg_max(path, depth) AS path
    FROM (
        SELECT trace_id, kernel_id, domain, depth, path FROM crossed
        UNION ALL
        SELECT trace_id, kernel_id, nested.domain, nested.depth, nested.path
        FROM (SELECT DISTINCT trace_id, kernel_id, range_id FROM crossed)
        JOIN nested USING (range_id)
    )
    GROUP BY trace_id, kernel_id, domain
    UNION ALL
    SELECT trace_id, kernel_id, domain, arg_max(path, depth)
    FROM ncu_ranges
    WHERE style = 'pushpop'
    GROUP BY trace_id, kernel_id, domain
)
SELECT trace_id, trace, around.* EXCLUDE (trace_id)
FROM around
JOIN traces USING (trace_id)
