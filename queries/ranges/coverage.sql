-- How much of the GPU's work is attributed to NVTX ranges?
--
-- A kernel is attributed when its launch was recorded and lay in a range of its thread, or by --by process of
-- any thread of its process (ncu: when the report says so). Kernels without a recorded launch come from
-- skipped API calls or from outside the recording.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @needs  kernels
-- @column trace VARCHAR                 name of the trace
-- @column kernels BIGINT                kernel executions, or profiled workloads
-- @column kernels_with_launch BIGINT    of these, with a recorded API call; NULL for ncu, which records none
-- @column kernels_in_ranges BIGINT      of these, launched inside an NVTX range
-- @column kernels_in_ranges_pct DOUBLE  share of the kernels
-- @column gpu_ns BIGINT                 GPU time of all kernels, copies, memsets and whole graphs
-- @column gpu_in_ranges_ns BIGINT       of it, of those launched inside an NVTX range
-- @column gpu_in_ranges_pct DOUBLE      share of the GPU time
-- @section any 10 Coverage

WITH launched AS (
    SELECT kernels.trace_id, kernel_id, api_call_id, range_id, kernels.duration_ns FROM kernels
    UNION ALL
    SELECT trace_id, NULL, api_call_id, range_id, duration_ns FROM memory_ops
    UNION ALL
    SELECT trace_id, NULL, api_call_id, range_id, duration_ns FROM graph_launches
),
-- By thread, the innermost range tells enough: which other ranges hold the work does not matter.
holders AS (
    SELECT range_id FROM nvtx_ranges WHERE is_by_process($by)
),
by_process AS (
    SELECT api_call_id, range_id FROM launched WHERE is_by_process($by)
),
held AS (
    SELECT DISTINCT api_call_id FROM work_in_ranges('holders', 'by_process', 'process')
    UNION ALL
    SELECT DISTINCT api_call_id FROM range_calls WHERE NOT is_by_process($by)
),
operations AS (
    SELECT
        *,
        (range_id IS NOT NULL AND NOT is_by_process($by)) OR api_call_id IN (FROM held)
            OR kernel_id IN (SELECT kernel_id FROM ncu_ranges) AS in_range
    FROM launched
),
kernel_counts AS (
    SELECT
        trace_id,
        count(*) AS kernels,
        count(api_call_id) AS kernels_with_launch,
        count(*) FILTER (in_range) AS kernels_in_ranges
    FROM operations
    WHERE kernel_id IS NOT NULL
    GROUP BY trace_id
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
    coalesce(sum(kernel_counts.kernels), 0)::BIGINT AS kernels,
    CASE WHEN bool_or(has_timeline) THEN coalesce(sum(kernel_counts.kernels_with_launch), 0)::BIGINT END
        AS kernels_with_launch,
    coalesce(sum(kernel_counts.kernels_in_ranges), 0)::BIGINT AS kernels_in_ranges,
    percent(sum(kernel_counts.kernels_in_ranges), sum(kernel_counts.kernels)) AS kernels_in_ranges_pct,
    sum(times.gpu_ns)::BIGINT AS gpu_ns,
    sum(times.gpu_in_ranges_ns)::BIGINT AS gpu_in_ranges_ns,
    percent(sum(times.gpu_in_ranges_ns), sum(times.gpu_ns)) AS gpu_in_ranges_pct
FROM times
LEFT JOIN kernel_counts USING (trace_id)
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace
ORDER BY trace
