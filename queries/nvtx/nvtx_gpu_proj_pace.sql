-- How does the GPU work of an NVTX range go from instance to instance?
--
-- Instances with GPU work, by start. The first delta counts from the start of the trace.
-- @param  range VARCHAR          NVTX message
-- @param  trace VARCHAR = NULL   only this trace
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
    SELECT
        traces.name AS trace,
        domain,
        row_number() OVER by_start - 1 AS instance,
        gpu_start_ns AS start_ns,
        gpu_end_ns AS end_ns,
        gpu_end_ns - gpu_start_ns AS duration_ns,
        gpu_start_ns - lag(gpu_end_ns, 1, 0) OVER by_start AS delta_ns,
        range_id
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE text = $range AND style <> 'mark' AND gpu_operations > 0
    WINDOW by_start AS (PARTITION BY traces.name, domain ORDER BY gpu_start_ns, range_id)
)
SELECT
    trace,
    domain,
    instance,
    start_ns,
    end_ns,
    duration_ns,
    (sum(duration_ns) OVER so_far)::BIGINT AS accum_duration_ns,
    delta_ns,
    (sum(delta_ns) OVER so_far)::BIGINT AS accum_delta_ns,
    range_id
FROM instances
WINDOW so_far AS (PARTITION BY trace, domain ORDER BY instance)
ORDER BY trace, domain, instance
