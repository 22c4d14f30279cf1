-- How much of the GPU's work is attributed to NVTX ranges?
--
-- A kernel is attributed when its launch was recorded and lay in a range of its thread (ncu: when the report
-- says so). Kernels without a recorded launch come from skipped API calls or from outside the recording.
-- @param  trace VARCHAR = NULL     only this trace
-- @needs  kernels
-- @column trace VARCHAR            name of the trace
-- @column kernels BIGINT           kernel executions, or profiled workloads
-- @column kernels_with_launch BIGINT   of these, with a recorded API call; NULL for ncu, which records none
-- @column kernels_in_ranges BIGINT     of these, launched inside an NVTX range
-- @column kernels_in_ranges_pct DOUBLE share of the kernels
-- @column gpu_ns BIGINT            GPU time of all kernels
-- @column gpu_in_ranges_ns BIGINT  of it, of kernels launched inside an NVTX range
-- @column gpu_in_ranges_pct DOUBLE share of the GPU time

WITH marked AS (
    SELECT
        trace_id,
        duration_ns,
        api_call_id,
        range_id IS NOT NULL
            OR kernel_id IN (SELECT kernel_id FROM startend_kernels)
            OR kernel_id IN (SELECT kernel_id FROM ncu_ranges) AS in_range
    FROM kernels
),
summed AS (
    SELECT
        trace_id,
        count(*) AS kernels,
        count(api_call_id) AS kernels_with_launch,
        count(*) FILTER (in_range) AS kernels_in_ranges,
        sum(duration_ns)::BIGINT AS gpu_ns,
        coalesce(sum(duration_ns) FILTER (in_range), 0)::BIGINT AS gpu_in_ranges_ns
    FROM marked
    GROUP BY trace_id
)
SELECT
    traces.name AS trace,
    kernels,
    CASE kind WHEN 'nsys' THEN kernels_with_launch END AS kernels_with_launch,
    kernels_in_ranges,
    100.0 * kernels_in_ranges / kernels AS kernels_in_ranges_pct,
    gpu_ns,
    gpu_in_ranges_ns,
    100.0 * gpu_in_ranges_ns / nullif(gpu_ns, 0) AS gpu_in_ranges_pct
FROM summed
JOIN traces USING (trace_id)
WHERE $trace IS NULL OR traces.name = $trace
ORDER BY trace
