-- Where does the time in NCCL functions go on the CPU?
--
-- NVIDIA's counterpart: nsys recipe nccl_sum.
-- NCCL marks each of its functions as an NVTX range of the domain NCCL. These are CPU times: how long the
-- kernels ran and how much of that was hidden, nccl_gpu_overlap_trace says.
-- @of     totals
-- @unites trace
-- @param  domain VARCHAR = 'NCCL'  NVTX domain of the communication library
-- @needs  nvtx_ranges
-- @column trace VARCHAR            name of the trace
-- @column function VARCHAR         NCCL function
-- @column calls BIGINT             how often it was called
-- @column total_ns BIGINT          time in all calls
-- @column share_pct DOUBLE         of the time in all calls of the trace
-- @column avg_ns DOUBLE            mean
-- @column median_ns DOUBLE         median
-- @column min_ns BIGINT            shortest
-- @column max_ns BIGINT            longest
-- @column stddev_ns DOUBLE         sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE            9 of 10 take no longer
-- @column p99_ns DOUBLE            99 of 100 take no longer
-- @chart  bars x=function y=total_ns
-- @empty  No range of that domain: NCCL records its functions with nsys profile --trace=nvtx.

WITH timed AS (
    SELECT trace, text AS function, nvtx_ranges.duration_ns
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE domain = $domain AND nvtx_ranges.duration_ns IS NOT NULL
)
SELECT * EXCLUDE (q1_ns, q3_ns) RENAME (instances AS calls)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC, function
