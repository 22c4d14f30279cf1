-- How much of the GPU's work is attributed to NVTX ranges?
--
-- A kernel is attributed when its launch was recorded and lay in a range of its thread (ncu: when the report
-- says so). Kernels without a recorded launch come from skipped API calls or from outside the recording.
-- @of     timeline
-- @needs  kernels
-- @column trace VARCHAR                 name of the trace
-- @column kernels BIGINT                kernel executions, or profiled workloads
-- @column kernels_with_launch BIGINT    of these, with a recorded API call; NULL for ncu, which records none
-- @column kernels_in_ranges BIGINT      of these, launched inside an NVTX range
-- @column kernels_in_ranges_pct DOUBLE  share of the kernels
-- @column gpu_ns BIGINT                 GPU time of all kernels, copies, memsets and whole graphs
-- @column gpu_in_ranges_ns BIGINT       of it, of those launched inside an NVTX range (copies: push/pop only)
-- @column gpu_in_ranges_pct DOUBLE      share of the GPU time
-- @section any 10 Coverage

WITH kernel_counts AS (
    SELECT
        trace_id,
        count(*) AS kernels,
        count(api_call_id) AS kernels_with_launch,
        count(*) FILTER (
            range_id IS NOT NULL
            OR kernel_id IN (SELECT kernel_id FROM startend_kernels)
            OR kernel_id IN (SELECT kernel_id FROM ncu_ranges)
        ) AS kernels_in_ranges
    FROM kernels
    GROUP BY trace_id
),
operations AS (
    SELECT trace_id, duration_ns,
           range_id IS NOT NULL
               OR kernel_id IN (SELECT kernel_id FROM startend_kernels)
               OR kernel_id IN (SELECT kernel_id FROM ncu_ranges) AS in_range
    FROM kernels
    UNION ALL
    SELECT trace_id, duration_ns, range_id IS NOT NULL FROM memory_ops
    UNION ALL
    SELECT trace_id, duration_ns, range_id IS NOT NULL FROM graph_launches
),
times AS (
    SELECT
        trace_id,
        sum(duration_ns)::BIGINT AS gpu_ns,
        coalesce(sum(duration_ns) FILTER (in_range), 0)::BIGINT AS gpu_in_ranges_ns
    FROM operations
    GROUP BY trace_id
)
SELECT
    trace,
    coalesce(kernels, 0) AS kernels,
    CASE WHEN has_timeline THEN coalesce(kernels_with_launch, 0) END AS kernels_with_launch,
    coalesce(kernels_in_ranges, 0) AS kernels_in_ranges,
    100.0 * kernels_in_ranges / kernels AS kernels_in_ranges_pct,
    gpu_ns,
    gpu_in_ranges_ns,
    percent(gpu_in_ranges_ns, gpu_ns) AS gpu_in_ranges_pct
FROM times
LEFT JOIN kernel_counts USING (trace_id)
JOIN chosen_traces($trace) AS traces USING (trace_id)
ORDER BY trace
