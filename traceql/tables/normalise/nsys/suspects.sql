-- Events with times that cannot be right; there are hardly any.
-- @when  suspicions

CREATE TEMP TABLE suspects AS
-- The few that are wrong get their names afterwards. Tables by their names.
WITH suspect_work AS (
    SELECT of_table, id, work.start_ns, work.end_ns, overrun_ns, is_repeated,
           work.start_ns < api_calls.start_ns AS is_before_launch
    FROM gpu_work AS work
    LEFT JOIN odd_work USING (of_table, id)
    LEFT JOIN api_calls USING (api_call_id)
    WHERE work.end_ns IS NULL OR overrun_ns IS NOT NULL OR is_repeated OR is_before_launch
       OR work.start_ns < 0 OR work.end_ns > getvariable('recorded_ns')
),
events AS (
    SELECT 'kernels' AS table_name, kernels.name, work.*
    FROM suspect_work AS work
    JOIN kernels ON kernel_id = id
    WHERE of_table = 1
    UNION ALL
    SELECT 'memory_ops', concat_ws(' ', kind, copy_kind), work.*
    FROM suspect_work AS work
    JOIN memory_ops ON memory_op_id = id
    WHERE of_table = 2
    UNION ALL
    SELECT 'graph_launches', 'graph ' || graph_id, work.*
    FROM suspect_work AS work
    JOIN graph_launches ON graph_launch_id = id
    WHERE of_table = 0
    UNION ALL
    SELECT table_name, name, NULL, NULL, start_ns, end_ns, NULL, NULL, NULL
    FROM (
        SELECT 'syncs' AS table_name, sync_type AS name, start_ns, end_ns
        FROM syncs WHERE trace_id = getvariable('trace_id')
        UNION ALL
        SELECT 'api_calls', name, start_ns, end_ns FROM api_calls WHERE trace_id = getvariable('trace_id')
        UNION ALL
        SELECT 'os_calls', name, start_ns, end_ns FROM os_calls WHERE trace_id = getvariable('trace_id')
    )
    WHERE end_ns IS NULL OR start_ns < 0 OR end_ns > getvariable('recorded_ns')
)
SELECT
    table_name,
    name,
    start_ns,
    overrun_ns,
    list_filter([
        CASE WHEN end_ns IS NULL THEN 'backwards' END,
        CASE WHEN overrun_ns IS NOT NULL THEN 'overrun' END,
        CASE WHEN is_repeated THEN 'repeated' END,
        CASE WHEN is_before_launch THEN 'before_launch' END,
        CASE WHEN start_ns < 0 THEN 'early' END,
        CASE WHEN coalesce(end_ns, start_ns) > getvariable('recorded_ns') THEN 'late' END
    ], lambda fault: fault IS NOT NULL) AS faults
FROM events
UNION ALL
SELECT 'nvtx_ranges', text, start_ns, NULL, ['backwards']
FROM nvtx_ranges
WHERE trace_id = getvariable('trace_id') AND end_ns < start_ns
