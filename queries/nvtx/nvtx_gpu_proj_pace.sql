-- How does the GPU work of an NVTX range go from instance to instance?
--
-- Instances with GPU work, by start, of each process (rank) and thread. The first delta counts from the
-- start of the trace.
-- @param  range VARCHAR          text or pattern of the ranges
-- @of     timeline
-- @unites trace
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @needs  nvtx_ranges
-- @column trace VARCHAR          name of the trace
-- @column domain VARCHAR         NVTX domain; empty for the default one
-- @column pid BIGINT             process
-- @column tid BIGINT             thread; NULL for start/end ranges
-- @column instance BIGINT        0 for the first of its process and thread
-- @column start_ns BIGINT        start of its first GPU operation
-- @column end_ns BIGINT          end of the operation that ended last
-- @column duration_ns BIGINT     end minus start
-- @column accum_duration_ns BIGINT  sum of the durations so far
-- @column delta_ns BIGINT        from the end of the instance before to this start; negative if they overlap
-- @column accum_delta_ns BIGINT  sum of the deltas so far
-- @column range_id BIGINT        the range, see nvtx_ranges
-- @chart  lines x=instance y=duration_ns color=pid
-- @empty  No range has that text: compare with the query nvtx-sum.

WITH instances AS (
    SELECT trace, domain, style, process_id, pid, tid, range_id,
           gpu_start_ns AS start_ns, gpu_end_ns AS end_ns
    FROM ranges_with_work('nvtx_ranges', $by)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(coalesce(text, ''), $range) AND style <> 'mark' AND gpu_operations > 0
)
SELECT * EXCLUDE (process_id)
FROM range_pace(instances)
ORDER BY trace, domain, pid, process_id, tid NULLS FIRST, instance, range_id
