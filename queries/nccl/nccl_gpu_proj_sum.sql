-- Where does the time in NCCL functions go on the GPU?
--
-- NVIDIA's counterpart: nsys recipe nccl_gpu_proj_sum. NCCL marks each of its functions as an NVTX range of
-- the domain NCCL. The GPU work of a range is what API calls inside it launched on its thread; its projection
-- reaches from the first start to the last end of this work. Grouped calls launch at ncclGroupEnd: the
-- functions inside a group have no GPU work of their own.
-- @of     totals
-- @unites trace
-- @param  domain VARCHAR = 'NCCL'  NVTX domain of the communication library
-- @needs  nvtx_ranges
-- @column trace VARCHAR            name of the trace
-- @column function VARCHAR         NCCL function
-- @column instances BIGINT         how often it ran with GPU work
-- @column total_proj_ns BIGINT     length of all projections
-- @column share_pct DOUBLE         of the length of all projections of the trace
-- @column avg_proj_ns DOUBLE       mean
-- @column median_proj_ns DOUBLE    median
-- @column min_proj_ns BIGINT       shortest
-- @column max_proj_ns BIGINT       longest
-- @column stddev_proj_ns DOUBLE    sample standard deviation; NULL for a single one
-- @column p90_proj_ns DOUBLE       9 of 10 take no longer
-- @column p99_proj_ns DOUBLE       99 of 100 take no longer
-- @chart  bars x=function y=total_proj_ns
-- @empty  No range of that domain launched GPU work: NCCL records its functions with nsys profile
-- @empty  --trace=nvtx.

WITH timed AS (
    SELECT trace, text AS function, gpu_end_ns - gpu_start_ns AS duration_ns
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE domain = $domain AND gpu_operations > 0
)
SELECT
    trace,
    function,
    instances,
    total_ns AS total_proj_ns,
    share_pct,
    avg_ns AS avg_proj_ns,
    median_ns AS median_proj_ns,
    min_ns AS min_proj_ns,
    max_ns AS max_proj_ns,
    stddev_ns AS stddev_proj_ns,
    p90_ns AS p90_proj_ns,
    p99_ns AS p99_proj_ns
FROM duration_spread(timed)
ORDER BY trace, total_proj_ns DESC, function
