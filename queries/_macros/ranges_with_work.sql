-- Ranges with what they launched on the GPU, by thread or by process.
--
-- Columns: those of nvtx_ranges, gpu_start_ns, gpu_end_ns, gpu_busy_ns, gpu_operations and launches as
-- attributed; the last two are NULL where that is not known, as where no GPU work was recorded.
-- @param  holders TABLE        rows with range_id: the ranges that are asked for
-- @param  attribution VARCHAR  thread or process, see work_in_ranges

WITH _holders AS NOT MATERIALIZED (
    FROM query_table(holders)
),
held_ranges AS (
    SELECT range_id FROM _holders WHERE is_by_process(attribution)
),
-- By thread, the ranges know it: nothing of this is read.
launched AS (
    SELECT api_call_id, range_id, start_ns, end_ns FROM kernels WHERE is_by_process(attribution)
    UNION ALL
    SELECT api_call_id, range_id, start_ns, end_ns FROM memory_ops WHERE is_by_process(attribution)
    UNION ALL
    SELECT api_call_id, range_id, start_ns, end_ns FROM graph_launches WHERE is_by_process(attribution)
),
ordered AS (
    SELECT
        holder_id,
        api_call_id,
        start_ns,
        end_ns,
        busy_until(start_ns, end_ns, api_call_id, holder_id) AS covered_ns
    FROM work_in_ranges('held_ranges', 'launched', 'process')
),
projected AS (
    SELECT
        holder_id AS range_id,
        min(start_ns) AS gpu_start_ns,
        max(end_ns) AS gpu_end_ns,
        busy_time(start_ns, end_ns, covered_ns) AS gpu_busy_ns,
        count(*) AS gpu_operations,
        count(DISTINCT api_call_id) AS launches
    FROM ordered
    GROUP BY holder_id
)
FROM nvtx_ranges
WHERE NOT is_by_process(attribution) AND range_id IN (SELECT range_id FROM _holders)
UNION ALL BY NAME
SELECT
    nvtx_ranges.* EXCLUDE (gpu_start_ns, gpu_end_ns, gpu_busy_ns, gpu_operations, launches),
    projected.gpu_start_ns,
    projected.gpu_end_ns,
    projected.gpu_busy_ns,
    coalesce(projected.gpu_operations, none) AS gpu_operations,
    coalesce(projected.launches, none) AS launches
FROM nvtx_ranges
JOIN held_ranges USING (range_id)
JOIN (SELECT trace_id, CASE WHEN gpu_work_recorded(missing) THEN 0 END AS none FROM traces) USING (trace_id)
LEFT JOIN projected USING (range_id)
