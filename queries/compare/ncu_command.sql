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
-- @param  base VARCHAR = 'auto'       name that ncu compares: function, demangled (the full one), or auto
-- @param  nvtx BOOLEAN = true         count within the NVTX range; else from the start of the program
-- @param  names VARCHAR = 'distinct'  short, full or distinct names of kernels, see the view kernel_names
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
    SELECT *, row_number() OVER () AS named_id FROM kernels_called($names, $kernel)
),
-- No text: all of it is sorted.
numbered AS (
    SELECT
        kernels.trace_id,
        kernel_id,
        named_id,
        kernels.process_id,
        device_id,
        kernels.range_id,
        graph_node_id,
        kernels.start_ns,
        kernels.duration_ns,
        tid,
        api_calls.start_ns AS call_ns,
        coalesce(api_calls.start_ns, kernels.start_ns) AS launched_ns,
        row_number() OVER (PARTITION BY kernels.trace_id ORDER BY launched_ns, kernels.start_ns, kernel_id)
            AS place
    FROM kernels
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id AND has_timeline
    LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    JOIN named ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
),
placed AS NOT MATERIALIZED (
    SELECT trace, numbered.*, named.* EXCLUDE (named_id)
    FROM numbered
    JOIN named USING (named_id)
    JOIN (SELECT trace_id, trace FROM traces) USING (trace_id)
),
-- What ncu is told about each name: by which it is found, and on which device.
told AS (
    SELECT
        trace_id,
        placed.name,
        CASE $base WHEN 'auto' THEN count(DISTINCT full_name) > 1 WHEN 'function' THEN false
            WHEN 'demangled' THEN true
            ELSE error('base must be auto, function or demangled: a timeline holds no mangled names') END
            AS by_full_name,
        count(DISTINCT device_id) > 1 AS by_device
    FROM placed
    GROUP BY trace_id, placed.name
),
asked AS (
    SELECT
        kernel_id,
        numbered.trace_id,
        duration_ns,
        row_number() OVER (PARTITION BY numbered.trace_id ORDER BY place) AS launch
    FROM numbered
    JOIN named USING (named_id)
    WHERE is_asked
),
wanted AS (
    SELECT
        trace_id,
        coalesce($launch, arg_max(launch, (coalesce(duration_ns, 0), -launch))) AS launch,
        count(*) AS launches
    FROM asked
    GROUP BY trace_id
),
picked AS (
    SELECT placed.*, launch, launches, by_full_name, by_device
    FROM wanted
    JOIN (SELECT kernel_id, trace_id, launch FROM asked) USING (trace_id, launch)
    JOIN placed USING (kernel_id, trace_id)
    JOIN told USING (trace_id, name)
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
inside AS (
    SELECT innermost.kernel_id AS picked_id, kernel_ranges.kernel_id
    FROM innermost
    JOIN kernel_ranges USING (trace_id, domain, style, text)
    WHERE config IS NOT NULL AND style = 'pushpop'
    UNION
    -- Start/end ranges are those of all threads.
    SELECT innermost.kernel_id, placed.kernel_id
    FROM innermost
    JOIN nvtx_ranges USING (trace_id, domain, style, text)
    JOIN placed ON placed.trace_id = nvtx_ranges.trace_id AND placed.process_id = nvtx_ranges.process_id
        AND call_ns >= nvtx_ranges.start_ns
        AND (call_ns < nvtx_ranges.end_ns OR nvtx_ranges.end_ns IS NULL)
    WHERE config IS NOT NULL AND style = 'startend'
),
counted AS (
    SELECT
        picked.kernel_id,
        any_value(config) AS config,
        count(*) FILTER (placed.place < picked.place) AS skipped,
        count(DISTINCT placed.process_id) AS processes,
        count(DISTINCT (placed.process_id, placed.tid)) AS threads
    FROM picked
    JOIN placed ON placed.trace_id = picked.trace_id AND placed.name = picked.name
        AND (NOT by_full_name OR placed.full_name = picked.full_name)
        AND (NOT by_device OR placed.device_id = picked.device_id)
    LEFT JOIN innermost ON innermost.kernel_id = picked.kernel_id
    LEFT JOIN inside ON picked_id = picked.kernel_id AND inside.kernel_id = placed.kernel_id
    WHERE config IS NULL OR inside.kernel_id IS NOT NULL
    GROUP BY picked.kernel_id
),
-- Of a process that began to launch after cudaProfilerStart, and has not called cudaProfilerStop yet.
started AS (
    SELECT picked.kernel_id
    FROM picked
    JOIN (
        SELECT trace_id, process_id, min(launched_ns) AS first_ns FROM placed GROUP BY ALL
    ) AS processes USING (trace_id, process_id)
    JOIN api_calls AS calls ON calls.trace_id = picked.trace_id AND calls.process_id = picked.process_id
    WHERE regexp_full_match(calls.name, 'cu(da)?Profiler(Start|Stop)') AND calls.start_ns <= launched_ns
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
