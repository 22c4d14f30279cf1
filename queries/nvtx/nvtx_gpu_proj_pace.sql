-- How does the GPU work of an NVTX range go from instance to instance?
--
-- Instances with GPU work, by start. The first delta counts from the start of the trace.
-- @of     timeline
-- @param  range VARCHAR          NVTX message
-- @needs  nvtx_ranges
-- @column trace VARCHAR          name of the trace
-- @column domain VARCHAR         NVTX domain; empty for the default one
-- @column instance BIGINT        0 for the first
-- @column start_ns BIGINT        start of its first GPU operation
-- @column end_ns BIGINT          end of the operation that ended last
-- @column duration_ns BIGINT     end minus start
-- @column accum_duration_ns BIGINT  sum of the durations so far
-- @column delta_ns BIGINT        from the end of the instance before to this start; negative if they overlap
-- @column accum_delta_ns BIGINT  sum of the deltas so far
-- @column range_id BIGINT        the range, see nvtx_ranges
-- @chart  lines x=instance y=duration_ns
-- @empty  No range has that text: compare with the query nvtx-sum.

WITH instances AS (
    SELECT trace, domain, range_id, gpu_start_ns AS start_ns, gpu_end_ns AS end_ns
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE text = $range AND style <> 'mark' AND gpu_operations > 0
)
FROM range_pace(instances)
ORDER BY trace, domain, instance
