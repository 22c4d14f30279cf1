-- The innermost push/pop range around one kernel, per NVTX domain.
--
-- A kernel outside any range has no row; with the domain '' it has one at most.
-- @needs  ncu_ranges|nvtx_ranges
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the kernel, see kernels
-- @column domain VARCHAR    NVTX domain; empty for the default one
-- @column path VARCHAR      messages from the outermost range to this one, joined by /

SELECT trace_id, trace, kernel_id, domain, arg_max(path, depth) AS path
FROM kernel_ranges
WHERE style = 'pushpop'
GROUP BY trace_id, trace, kernel_id, domain
