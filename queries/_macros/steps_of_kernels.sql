-- The steps of processes that tell none by ranges: what repeats in the order of their kernels.
--
-- A kernel that comes again after the same number of kernels each time begins a step; of several, the one
-- with the longest such period, of two kernels or more. Four of five periods have to be equal, there are
-- three steps at least, and they hold half of the kernels of the device. The device is the one that runs most
-- kernels of the process.
--
-- Columns: trace_id, process_id, pid, gpu_id, start_ns (of the call that launched the first kernel),
-- gpu_start_ns, gpu_end_ns, gpu_busy_ns, gpu_operations, launches, kernels, memory_ops, graph_replays.
-- @param  named TABLE   rows of steps_of: processes whose steps are told by ranges
-- @param  step VARCHAR  what was asked of steps_of: who names ranges is told no others

WITH untold AS (
    SELECT DISTINCT trace_id, process_id
    FROM kernels
    ANTI JOIN (FROM query_table(named)) AS told USING (trace_id, process_id)
    WHERE step IS NULL
),
placed AS (
    SELECT
        trace_id,
        process_id,
        device_id,
        kernels.name,
        api_call_id,
        start_ns,
        row_number() OVER (PARTITION BY trace_id, process_id, device_id ORDER BY start_ns, kernel_id)
            AS place,
        count(*) OVER (PARTITION BY trace_id, process_id, device_id) AS kernels
    FROM kernels
    JOIN untold USING (trace_id, process_id)
    WHERE start_ns IS NOT NULL
),
busiest AS (
    SELECT trace_id, process_id, arg_max_null(device_id, (kernels, -device_id)) AS device_id
    FROM placed
    GROUP BY ALL
),
sequence AS (
    SELECT
        placed.*,
        place - lag(place) OVER (PARTITION BY trace_id, process_id, placed.name ORDER BY place) AS period
    FROM placed
    SEMI JOIN busiest
        ON busiest.trace_id = placed.trace_id AND busiest.process_id = placed.process_id
        AND busiest.device_id IS NOT DISTINCT FROM placed.device_id
),
periods AS (
    SELECT trace_id, process_id, sequence.name, period, count(*) AS times FROM sequence GROUP BY ALL
),
names AS (
    SELECT
        trace_id,
        process_id,
        sequence.name,
        min(place) AS first_place,
        count(*) AS instances,
        any_value(kernels) AS kernels
    FROM sequence
    GROUP BY ALL
),
regular AS (
    SELECT names.*, period
    FROM names
    JOIN periods USING (trace_id, process_id, name)
    WHERE instances >= 3 AND period >= 2
        AND times >= 0.8 * (instances - 1) AND instances * period >= 0.5 * kernels
),
anchors AS (
    FROM regular
    QUALIFY row_number() OVER (PARTITION BY trace_id, process_id ORDER BY period DESC, first_place) = 1
),
begun AS (
    SELECT
        trace_id,
        process_id,
        device_id,
        place AS first_place,
        start_ns AS from_ns,
        lead(place, 1, place + anchors.period) OVER steps AS next_place,
        lead(start_ns) OVER steps AS next_ns
    FROM sequence
    JOIN anchors USING (trace_id, process_id, name)
    WINDOW steps AS (PARTITION BY trace_id, process_id ORDER BY place)
    -- Of steps that begin together, the last one has the time, and the others no row.
    QUALIFY next_ns IS DISTINCT FROM from_ns
),
-- Of the last step the end is where it would be with as many kernels as the others.
bounded AS (
    SELECT begun.* EXCLUDE (next_ns), coalesce(next_ns, after.start_ns, 9223372036854775807) AS until_ns
    FROM begun
    LEFT JOIN sequence AS after
        ON after.trace_id = begun.trace_id AND after.process_id = begun.process_id
        AND after.place = next_place
),
launched AS (
    SELECT trace_id, process_id, pid, device_id, gpu_id, 'kernel' AS kind, api_call_id, start_ns, end_ns,
           graph_node_id
    FROM kernels
    UNION ALL
    SELECT trace_id, process_id, pid, device_id, gpu_id, kind, api_call_id, start_ns, end_ns, NULL
    FROM memory_ops
    UNION ALL
    SELECT trace_id, process_id, pid, device_id, gpu_id, 'graph', api_call_id, start_ns, end_ns, -1
    FROM graph_launches
),
-- Where ranges tell all steps, nothing of this is left to be sorted.
operations AS (
    FROM launched SEMI JOIN untold USING (trace_id, process_id)
),
held AS (
    SELECT
        bounded.trace_id,
        bounded.process_id,
        from_ns,
        operations.* EXCLUDE (trace_id, process_id, device_id),
        busy_until(
            operations.start_ns, end_ns, api_call_id, (bounded.trace_id, bounded.process_id, from_ns)
        ) AS covered_ns
    FROM operations
    ASOF JOIN bounded
        ON bounded.trace_id = operations.trace_id AND bounded.process_id = operations.process_id
        AND bounded.device_id IS NOT DISTINCT FROM operations.device_id AND from_ns <= operations.start_ns
    WHERE operations.start_ns < until_ns
)
SELECT
    held.trace_id,
    held.process_id,
    any_value(held.pid) AS pid,
    any_value(held.gpu_id) AS gpu_id,
    arg_min(api_calls.start_ns, (held.start_ns, api_calls.start_ns)) AS start_ns,
    min(held.start_ns) AS gpu_start_ns,
    max(held.end_ns) AS gpu_end_ns,
    busy_time(held.start_ns, held.end_ns, covered_ns) AS gpu_busy_ns,
    count(*) AS gpu_operations,
    count(DISTINCT held.api_call_id) AS launches,
    count(*) FILTER (kind = 'kernel') AS kernels,
    count(*) FILTER (kind IN ('memcpy', 'memset')) AS memory_ops,
    count(DISTINCT held.api_call_id) FILTER (graph_node_id IS NOT NULL) AS graph_replays
FROM held
LEFT JOIN api_calls ON api_calls.api_call_id = held.api_call_id
GROUP BY held.trace_id, held.process_id, from_ns
