-- Which ncu command profiles one launch of a timeline, and nothing else?
--
-- Of the launches of the kernels that are asked for, in their order, it is the one with the number launch,
-- or the longest. ncu takes what has the name of --kernel-name (the function's; the full one where the
-- timeline holds several kernels of that function), lies in the NVTX range of --nvtx-include (the innermost
-- push/pop range around the launch, else the shortest start/end range), and runs on the device, where several
-- do. --launch-skip is how many of these come before it: ncu counts them in all processes together, and from
-- cudaProfilerStart on, if the timeline begins with that. CUDA graphs traced as a whole are profiled whole,
-- and no kernel in them counts. ncu finds the same launch if the program does the same again.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  launch BIGINT = NULL        number of the launch, from 1; NULL for the longest
-- @param  set VARCHAR = 'full'        sections to record: full, detailed, basic, roofline …
-- @param  base VARCHAR(auto|function|demangled) = 'auto'  name that ncu compares: function, demangled (the
--         full one), or auto
-- @param  nvtx BOOLEAN = true         count within the NVTX range; else from the start of the program
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  kernels timeline
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              name of the kernel
-- @column kernel_id BIGINT            the launch, see kernels
-- @column launch BIGINT               its number among those that were asked for, from 1
-- @column launches BIGINT             how many these are
-- @column start_ns BIGINT             its start on the GPU
-- @column duration_ns BIGINT          its time there
-- @column domain VARCHAR              NVTX domain of the range of --nvtx-include; NULL without one
-- @column range VARCHAR               message of that range
-- @column skipped BIGINT              launches before it that ncu skips
-- @column caution VARCHAR             what may make ncu find another launch, or never end; else empty
-- @column command VARCHAR             for a POSIX shell; PROGRAM stands for the program, if it is not known
-- @note   SELECT command FROM answer QUALIFY count(*) OVER () <= 4
-- @note   UNION ALL
-- @note   SELECT format('{} ({})', caution, listed(list(trace ORDER BY trace)))
-- @note   FROM answer WHERE caution <> '' GROUP BY caution
-- @note   UNION ALL
-- @note   SELECT 'PROGRAM stands for the program and its arguments; traceql ingest --keep-environment keeps '
-- @note   || 'them' FROM answer WHERE ends_with(command, ' PROGRAM') HAVING count(*) > 0
-- @empty  No launch has that name and number. Which there are: traceql query top-kernels

WITH named AS MATERIALIZED (
    SELECT *, (row_number() OVER ())::INTEGER AS named_id FROM kernels_called($names, $kernel)
),
-- No text, for these are many. Launches are in the order of launched_ns, start_ns and kernel_id.
launched AS MATERIALIZED (
    SELECT
        kernels.trace_id,
        kernel_id,
        named_id,
        process_id,
        device_id,
        range_id,
        start_ns,
        duration_ns,
        api_call_id
    FROM kernels
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id AND has_timeline
    JOIN named ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
),
numbered AS MATERIALIZED (
    SELECT launched.* EXCLUDE (api_call_id), tid, api_calls.start_ns AS call_ns
    FROM launched
    LEFT JOIN api_calls ON api_calls.api_call_id = launched.api_call_id
),
placed AS NOT MATERIALIZED (
    SELECT *, coalesce(call_ns, start_ns) AS launched_ns FROM numbered
),
-- What ncu is told about each name: by which it is found, and on which device.
told AS (
    SELECT
        trace_id,
        named.name,
        CASE $base WHEN 'auto' THEN count(DISTINCT full_name) > 1 WHEN 'function' THEN false
            WHEN 'demangled' THEN true END AS by_full_name,
        -- Where it is not known of all, ncu counts those of all devices.
        count(DISTINCT device_id) > 1 AND count(device_id) = count(*) AS by_device
    FROM (SELECT DISTINCT trace_id, named_id, device_id FROM numbered)
    JOIN named USING (named_id)
    GROUP BY trace_id, named.name
),
asked AS NOT MATERIALIZED (
    FROM placed WHERE named_id IN (SELECT named_id FROM named WHERE is_asked)
),
longest AS (
    SELECT trace_id, max(coalesce(duration_ns, 0)) AS longest_ns FROM asked GROUP BY trace_id
),
wanted AS (
    SELECT trace_id, arg_min(kernel_id, (launched_ns, start_ns, kernel_id)) AS kernel_id
    FROM asked
    JOIN longest USING (trace_id)
    WHERE $launch IS NULL AND coalesce(duration_ns, 0) = longest_ns
    GROUP BY trace_id
    UNION ALL
    SELECT trace_id, kernel_id
    FROM (FROM asked WHERE $launch IS NOT NULL)
    QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY launched_ns, start_ns, kernel_id) = $launch
),
picked AS MATERIALIZED (
    SELECT
        trace,
        one.*,
        graph_node_id,
        named.* EXCLUDE (named_id, name),
        named.name,
        launch,
        launches,
        by_full_name,
        by_device
    FROM placed AS one
    JOIN (
        SELECT
            wanted.kernel_id,
            count(*) AS launches,
            count_if((asked.launched_ns, asked.start_ns, asked.kernel_id)
                     <= (one.launched_ns, one.start_ns, one.kernel_id))::BIGINT AS launch
        FROM wanted
        JOIN placed AS one USING (kernel_id)
        JOIN asked ON asked.trace_id = wanted.trace_id
        GROUP BY wanted.kernel_id
    ) AS counted USING (kernel_id)
    JOIN named USING (named_id)
    JOIN told ON told.trace_id = one.trace_id AND told.name = named.name
    JOIN (SELECT kernel_id, graph_node_id FROM kernels) AS kernels USING (kernel_id)
    JOIN (SELECT trace_id, trace FROM traces) AS traces ON traces.trace_id = one.trace_id
),
around AS (
    SELECT kernel_id, picked.trace_id, picked.process_id, domain, text, style, 0 AS rank
    FROM picked
    JOIN nvtx_ranges ON nvtx_ranges.range_id = picked.range_id
    UNION ALL
    SELECT kernel_id, picked.trace_id, picked.process_id, domain, text, style,
           row_number() OVER (
               PARTITION BY kernel_id ORDER BY nvtx_ranges.duration_ns NULLS LAST, nvtx_ranges.range_id
           )
    FROM picked
    JOIN (SELECT * EXCLUDE (start_ns, end_ns), start_ns AS from_ns, end_ns AS to_ns FROM nvtx_ranges)
        AS nvtx_ranges
        ON nvtx_ranges.trace_id = picked.trace_id AND nvtx_ranges.process_id = picked.process_id
        AND style = 'startend' AND from_ns <= call_ns AND (to_ns > call_ns OR to_ns IS NULL)
),
innermost AS (
    SELECT *, nvtx_config(domain, text, style) AS config
    FROM around
    WHERE $nvtx
    QUALIFY row_number() OVER (PARTITION BY kernel_id ORDER BY rank) = 1
),
alike AS (
    SELECT innermost.kernel_id AS picked_id, style, nvtx_ranges.*
    FROM innermost
    JOIN (
        SELECT range_id, trace_id, process_id, domain, style, text, start_ns AS from_ns, end_ns AS to_ns
        FROM nvtx_ranges
    ) AS nvtx_ranges USING (trace_id, domain, style, text)
    WHERE config IS NOT NULL
),
-- Ranges inside of them, which are fewer than kernels.
held AS MATERIALIZED (
    SELECT DISTINCT picked_id, range_ancestors.range_id
    FROM alike
    JOIN range_ancestors ON ancestor_id = alike.range_id
    WHERE style = 'pushpop'
),
inside AS (
    SELECT picked_id, kernel_id
    FROM numbered
    JOIN held USING (range_id)
    UNION
    SELECT picked_id, kernel_id
    FROM alike
    JOIN range_calls ON range_calls.range_id = alike.range_id
    JOIN kernels ON kernels.api_call_id = range_calls.api_call_id
    WHERE style = 'pushpop'
    UNION
    -- Start/end ranges are those of all threads.
    SELECT picked_id, placed.kernel_id
    FROM (FROM alike WHERE style = 'startend') AS alike
    JOIN placed ON placed.trace_id = alike.trace_id AND placed.process_id = alike.process_id
        AND call_ns >= from_ns AND (call_ns < to_ns OR to_ns IS NULL)
),
same AS MATERIALIZED (
    SELECT kernel_id AS picked_id, named.named_id
    FROM picked
    JOIN named ON named.name = picked.name AND (NOT by_full_name OR named.full_name = picked.full_name)
),
counted AS (
    SELECT
        picked.kernel_id,
        any_value(config) AS config,
        count(*) FILTER ((placed.launched_ns, placed.start_ns, placed.kernel_id)
                         < (picked.launched_ns, picked.start_ns, picked.kernel_id)) AS skipped,
        count(DISTINCT placed.process_id) AS processes,
        count(DISTINCT (placed.process_id, placed.tid)) AS threads
    FROM picked
    JOIN same ON same.picked_id = picked.kernel_id
    JOIN (FROM placed WHERE named_id IN (SELECT named_id FROM same)) AS placed
        ON placed.trace_id = picked.trace_id AND placed.named_id = same.named_id
        AND (NOT by_device OR placed.device_id = picked.device_id)
    LEFT JOIN innermost ON innermost.kernel_id = picked.kernel_id
    LEFT JOIN inside ON inside.picked_id = picked.kernel_id AND inside.kernel_id = placed.kernel_id
    WHERE config IS NULL OR inside.kernel_id IS NOT NULL
    GROUP BY picked.kernel_id
),
switches AS (
    SELECT name
    FROM api_calls
    GROUP BY name
    HAVING regexp_full_match(any_value(name), 'cu(da)?Profiler(Start|Stop)')
),
-- Of a process that began to launch after cudaProfilerStart, and has not called cudaProfilerStop yet.
started AS (
    SELECT picked.kernel_id
    FROM picked
    JOIN (
        SELECT trace_id, process_id, min(launched_ns) AS first_ns FROM placed GROUP BY ALL
    ) AS processes USING (trace_id, process_id)
    JOIN api_calls AS calls ON calls.trace_id = picked.trace_id AND calls.process_id = picked.process_id
    WHERE calls.name IN (FROM switches) AND calls.start_ns <= launched_ns
    GROUP BY picked.kernel_id
    HAVING bool_and(ends_with(calls.name, 'Start')) AND min(calls.start_ns) <= any_value(first_ns)
),
programs AS (
    SELECT
        trace_id,
        -- Words that are quoted already; what is not may be the path of the program alone. The first is none
        -- that ncu would take for an option of its own, whatever blanks stand before it.
        CASE WHEN regexp_matches(any_value(content), '^[\s''"]*(-|$)') THEN NULL
             WHEN regexp_full_match(
                 any_value(content), '(?:[A-Za-z0-9_@%+=:,./ -]|''[^'']*''|"''")+'
             ) THEN any_value(content)
             ELSE shell_word(any_value(content)) END AS program
    FROM environment
    WHERE variable = 'COMMAND_LINE'
    GROUP BY trace_id
    HAVING count(*) = 1
)
SELECT
    trace,
    called AS kernel,
    kernel_id,
    launch,
    launches,
    start_ns,
    duration_ns,
    CASE WHEN config IS NOT NULL THEN domain END AS domain,
    CASE WHEN config IS NOT NULL THEN text END AS range,
    skipped,
    concat_ws(
        '; ',
        CASE WHEN processes > 1
             THEN format('{} processes launch it, and ncu counts them together as they come', processes) END,
        CASE WHEN threads > processes
             THEN format('{} threads launch it, in whatever order they run', threads) END,
        CASE WHEN call_ns IS NULL THEN 'the call that launched it is not recorded, nor its range' END,
        CASE WHEN text IS NOT NULL AND counted.config IS NULL
             THEN 'ncu takes no range of that name: counted from the start of the run' END,
        CASE WHEN category = 'communication'
             THEN 'it exchanges with other ranks: ncu runs it alone, over and over, and it waits for their '
                 || 'kernels, which may not come' END
    ) AS caution,
    concat_ws(
        ' ',
        'ncu',
        shell_word('--set=' || $set),
        '--nvtx ' || shell_word('--nvtx-include=' || counted.config),
        CASE WHEN by_full_name THEN '--kernel-name-base=demangled' END,
        shell_word('--kernel-name=' || CASE WHEN starts_with(compared, 'regex:')
            THEN 'regex:^' || regexp_escape(compared) || '$' ELSE compared END),
        CASE WHEN by_device THEN '--devices=' || device_id END,
        '--launch-skip=' || skipped,
        '--launch-count=1',
        CASE WHEN trace_id IN (SELECT trace_id FROM graph_launches) THEN '--graph-profiling=graph'
             WHEN graph_node_id IS NOT NULL THEN '--graph-profiling=node' END,
        CASE WHEN kernel_id IN (FROM started) THEN '--profile-from-start=off' END,
        '--target-processes=all',
        '--clock-control=none',
        format('--export={}_{}', regexp_replace(name, '[^A-Za-z0-9]+', '_', 'g')[:60], launch),
        coalesce(program, 'PROGRAM')
    ) AS command
FROM (SELECT *, CASE WHEN by_full_name THEN full_name ELSE name END AS compared FROM picked)
JOIN counted USING (kernel_id)
LEFT JOIN (SELECT kernel_id, domain, text FROM innermost) AS ranges USING (kernel_id)
LEFT JOIN programs USING (trace_id)
LEFT JOIN kernels_categorised USING (full_name)
ORDER BY trace
