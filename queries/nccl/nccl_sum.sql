-- Where does the time in NCCL functions go on the CPU?
--
-- NVIDIA's counterpart: nsys recipe nccl_sum.
-- NCCL marks each of its functions as an NVTX range of the domain NCCL. These are CPU times: how long the
-- kernels ran and how much of that was hidden, nccl_gpu_overlap_trace says.
-- @param  trace VARCHAR = NULL     only this trace
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
-- @chart  bars x=function y=total_ns
-- @empty  No range of that domain: NCCL records its functions with nsys profile --trace=nvtx.

SELECT
    traces.name AS trace,
    nvtx_ranges.text AS function,
    count(*) AS calls,
    sum(nvtx_ranges.duration_ns)::BIGINT AS total_ns,
    share_pct(sum(nvtx_ranges.duration_ns), sum(sum(nvtx_ranges.duration_ns)) OVER (PARTITION BY traces.name)) AS share_pct,
    avg(nvtx_ranges.duration_ns) AS avg_ns,
    median(nvtx_ranges.duration_ns) AS median_ns,
    min(nvtx_ranges.duration_ns) AS min_ns,
    max(nvtx_ranges.duration_ns) AS max_ns,
    stddev_samp(nvtx_ranges.duration_ns) AS stddev_ns
FROM nvtx_ranges
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE nvtx_ranges.domain = $domain AND nvtx_ranges.duration_ns IS NOT NULL
GROUP BY traces.name, nvtx_ranges.text
ORDER BY trace, total_ns DESC, function
