-- What keeps the GPU waiting?
--
-- Each gap between two operations of a GPU has one cause. start_up: the program starts up in it, which it
-- pays once (the view gaps_of_start_up): these are one finding behind all others, and no time that others are
-- a share of. code_loading: code is loaded in it inside of a step. allocation: memory was allocated or freed
-- for half of it. nothing_asked: for half of it, and at least host_ns, the launching thread slept or waited
-- in the operating system (for a request, data, another thread: see the macro waits_in_os); known where its
-- calls were recorded. host_work: for half of it, and at least host_ns, that thread was in no call that
-- waits. sync: a call waited for the GPU when it ran dry, so that nothing could be launched ahead. copy:
-- for half of it the call that asked for the next operation, a copy, prepared it. launch_bound: launching
-- the next operation took longer than running what was there. Gaps whose next operation had been launched
-- before are left out. range is the innermost one whose name is open, on the launching thread, in the
-- middle of every gap of the cause; of start_up none.
-- saving_ns: the gaps of the cause together, an upper bound: without it the GPU waits no less than not at
-- all.
-- @of     times
-- @unites trace
-- @param  host_ns BIGINT = 100000  so much work of the host is no overhead of launching any more
-- @param  least_pct DOUBLE = 1     share of the time from which on it is told
-- @needs  kernels api_calls
-- @says   allocation|code_loading|copy|host_work|launch_bound|nothing_asked|start_up|sync
--         {gpus?The GPU waits|The GPUs together wait} {idle_ns}
-- @says   launch_bound for launches, in {gaps|gap|gaps}: the CPU launches slower than the GPU runs what it is
--         given.
-- @try    launch_bound Launch less: fuse kernels (torch.compile), or replay them as a CUDA graph. Steps that
--         could be one are a finding of their own, which counts their gaps again.
-- @says   sync because the CPU waited for {gpus?it|them} first, in {gaps|gap|gaps} after {function}.
-- @try    sync Leave out calls that wait (.item(), .cpu(), synchronize) inside a step, or read results one
--         step later.
-- @says   copy while copies are prepared ({function}), in {gaps|gap|gaps}.
-- @try    copy Copy from pinned memory, on a stream of its own, and before the data is needed.
-- @says   host_work while the CPU does other work, in {gaps|gap|gaps, the longest} of {longest_ns}.
-- @try    host_work Move that work to another thread or process, or do it while the GPU runs the step before.
-- @says   nothing_asked because nothing is asked of {gpus?it|them}: the launching thread waits in {function},
--         in {gaps|gap|gaps, the longest} of {longest_ns}.
-- @try    nothing_asked See what it waits for ({query cpu-in-gap}): more requests at a time, data loaded
--         ahead, or no sleeping between looks at a queue.
-- @says   code_loading in steps while code is compiled or loaded ({function}), in
--         {gaps|gap|gaps, the longest} of {longest_ns}.
-- @try    code_loading Run each shape once before it counts, and see whether something is compiled again and
--         again (TORCH_LOGS=recompiles, JAX_LOG_COMPILES=1).
-- @says   start_up while the program {doing}, in {gaps|gap|gaps, the longest} of {longest_ns}[: {loading_ns}
--         of it while code is compiled or loaded].
-- @try    start_up Paid once: what comes behind it counts in long runs. Where it is paid often, keep compiled
--         code (TORCHINDUCTOR_CACHE_DIR, JAX_COMPILATION_CACHE_DIR); or begin recording later (--delay,
--         --capture-range).
-- @says   allocation for memory to be allocated or freed, in {gaps|gap|gaps} with {function}.
-- @try    allocation Keep buffers and use them again: no empty_cache() in a loop, a pool (cudaMallocAsync)
--         that keeps its memory (cudaMemPoolAttrReleaseThreshold).
-- @proof  allocation|code_loading|copy|host_work|launch_bound|nothing_asked|sync
--         cpu_bound_gaps min_cpu_pct=0 limit=NULL
-- @proof  start_up gpu_gaps limit=NULL

-- By number, as is all that has to be sorted.
WITH threads AS (
    SELECT *, (row_number() OVER ())::INTEGER AS thread
    FROM (
        SELECT DISTINCT trace, trace_id, process_id, tid
        FROM api_calls
        JOIN chosen_traces($trace) AS traces USING (trace_id)
    )
),
-- Gaps that have a cause, whatever else is in them: start-up, or code that is loaded.
once AS MATERIALIZED (
    FROM gaps_of_start_up JOIN (SELECT trace_id FROM chosen_traces($trace)) AS traces USING (trace_id)
),
spans AS MATERIALIZED (
    FROM spans_behind($trace, 'once')
),
gaps AS (
    SELECT
        thread,
        found.gpu_id,
        found.start_ns,
        found.duration_ns,
        before_call_ns,
        found.duration_ns - before_call_ns - queued_ns AS in_call_ns,
        function,
        loaded_by
    FROM gaps_before_launches($trace) AS found
    JOIN threads USING (trace, process_id, tid)
    LEFT JOIN once
        ON once.trace = found.trace AND once.gpu_id IS NOT DISTINCT FROM found.gpu_id
        AND once.start_ns = found.start_ns
    WHERE is_once IS NOT true
),
-- Each name is looked at once: there are few of them, and many calls.
functions AS (
    SELECT
        name,
        CASE
            WHEN call_purpose(any_value(name)) IN ('sync', 'copy') THEN call_purpose(any_value(name))
            WHEN regexp_matches(
                any_value(name), '^cu(da)?(Malloc|Free|HostAlloc|Mem(Alloc|Free|Create|Map|Unmap))'
            ) THEN 'allocation'
        END AS purpose
    FROM api_calls
    GROUP BY name
),
stops AS (
    SELECT thread, start_ns, end_ns, name AS function, purpose
    FROM api_calls
    JOIN functions USING (name)
    JOIN threads USING (trace_id, process_id, tid)
    WHERE purpose IN ('sync', 'allocation')
    -- A call that a call makes shares its id, and is no time of its own.
    QUALIFY row_number() OVER (
        PARTITION BY trace_id, process_id, coalesce(nullif(correlation_id, 0), -api_call_id)
        ORDER BY start_ns, end_ns DESC, api_call_id
    ) = 1
),
waiting AS (
    SELECT DISTINCT name FROM os_calls WHERE waits_in_os(name)
),
-- Until when a thread is in calls of CUDA that began before, or with it: calls lie in each other, or beside.
in_calls AS (
    SELECT
        thread,
        start_ns,
        max(end_ns) OVER (PARTITION BY thread ORDER BY start_ns) AS until_ns
    FROM api_calls
    JOIN threads USING (trace_id, process_id, tid)
    WHERE EXISTS (FROM waiting)
),
-- What CUDA waits for and reads in the operating system is told by its own calls. A call that a call makes is
-- no time of its own, here either.
sleeps AS (
    SELECT calls.*
    FROM (
        SELECT
            thread,
            greatest(start_ns, busy_until(start_ns, end_ns, os_call_id, thread)) AS start_ns,
            end_ns,
            name AS function
        FROM os_calls
        JOIN waiting USING (name)
        JOIN threads USING (trace_id, process_id, tid)
    ) AS calls
    ASOF LEFT JOIN in_calls ON in_calls.thread = calls.thread AND in_calls.start_ns <= calls.start_ns
    WHERE calls.end_ns > calls.start_ns AND calls.end_ns <= until_ns IS NOT true
),
-- GPUs of one thread may run dry at the same moment.
moments AS (
    SELECT
        thread,
        start_ns,
        max(start_ns + duration_ns) AS end_ns,
        max(start_ns + before_call_ns) AS called_ns
    FROM gaps
    GROUP BY thread, start_ns
),
-- The last gap that a call reaches into is the one that it makes.
spent AS (
    SELECT
        thread,
        start_ns,
        sum(spent_ns) FILTER (purpose = 'sync') AS waited_ns,
        sum(spent_ns) FILTER (purpose = 'allocation') AS allocated_ns,
        arg_max(function, (spent_ns, function)) FILTER (purpose = 'sync') AS waits_in,
        arg_max(function, (spent_ns, function)) FILTER (purpose = 'allocation') AS allocates_in
    FROM (
        SELECT
            moments.thread,
            moments.start_ns,
            purpose,
            function,
            sum(least(stops.end_ns, moments.end_ns) - greatest(stops.start_ns, moments.start_ns)) AS spent_ns
        FROM stops
        ASOF JOIN moments ON moments.thread = stops.thread AND moments.start_ns < stops.end_ns
        WHERE stops.start_ns < moments.end_ns
        GROUP BY moments.thread, moments.start_ns, purpose, function
    )
    GROUP BY thread, start_ns
),
slept AS (
    SELECT
        moments.thread,
        moments.start_ns,
        sum(least(sleeps.end_ns, called_ns) - greatest(sleeps.start_ns, moments.start_ns)) AS slept_ns,
        arg_max(
            function,
            (least(sleeps.end_ns, called_ns) - greatest(sleeps.start_ns, moments.start_ns), function)
        ) AS sleeps_in
    FROM sleeps
    ASOF JOIN (FROM moments WHERE EXISTS (FROM waiting)) AS moments
        ON moments.thread = sleeps.thread AND moments.start_ns < sleeps.end_ns
    WHERE sleeps.start_ns < called_ns
    GROUP BY moments.thread, moments.start_ns
),
causes AS (
    SELECT
        thread,
        gpu_id,
        start_ns,
        duration_ns,
        CASE
            WHEN before_call_ns + in_call_ns = 0 THEN NULL
            WHEN loaded_by IS NOT NULL THEN 'code_loading'
            WHEN 2 * coalesce(allocated_ns, 0) >= duration_ns THEN 'allocation'
            WHEN own_ns >= $host_ns AND 2 * slept_ns >= duration_ns THEN 'nothing_asked'
            WHEN own_ns >= $host_ns AND 2 * own_ns >= duration_ns THEN 'host_work'
            WHEN waited_ns > 0 THEN 'sync'
            WHEN purpose = 'copy' AND 2 * in_call_ns >= duration_ns THEN 'copy'
            ELSE 'launch_bound'
        END AS cause,
        CASE cause
            WHEN 'code_loading' THEN loaded_by
            WHEN 'allocation' THEN allocates_in
            WHEN 'sync' THEN waits_in
            WHEN 'nothing_asked' THEN sleeps_in
            ELSE function
        END AS of_cause
    FROM (
        SELECT
            gaps.*,
            purpose,
            waited_ns,
            allocated_ns,
            waits_in,
            allocates_in,
            slept_ns,
            sleeps_in,
            before_call_ns - coalesce(waited_ns, 0) - coalesce(allocated_ns, 0) AS own_ns
        FROM gaps
        LEFT JOIN functions ON name = function
        LEFT JOIN spent USING (thread, start_ns)
        LEFT JOIN slept USING (thread, start_ns)
    )
    WHERE cause IS NOT NULL
),
found AS (
    SELECT
        trace,
        cause,
        sum(idle_ns)::BIGINT AS idle_ns,
        sum(gaps)::BIGINT AS gaps,
        max(longest_ns) AS longest_ns,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        -- What most of it is told by, and whether that is all.
        concat(
            arg_max(of_cause, (idle_ns, of_cause)),
            if(count(DISTINCT of_cause) > 1, ' and others', '')
        ) AS function,
        -- Of GPUs that nobody tells there is one.
        greatest(len(list_distinct(flatten(list(gpu_ids)))), 1) AS gpus
    FROM (
        SELECT
            trace,
            cause,
            of_cause,
            sum(duration_ns) AS idle_ns,
            count(*) AS gaps,
            max(duration_ns) AS longest_ns,
            min(start_ns) AS start_ns,
            max(start_ns + duration_ns) AS end_ns,
            list(DISTINCT gpu_id) AS gpu_ids
        FROM causes
        JOIN (SELECT thread, trace FROM threads) AS of_threads USING (thread)
        GROUP BY trace, cause, of_cause
    )
    GROUP BY trace, cause
),
middles AS (
    SELECT trace, thread, cause, start_ns + duration_ns // 2 AS at_ns
    FROM causes
    JOIN (SELECT thread, trace FROM threads) AS of_threads USING (thread)
),
ranges AS (
    SELECT trace, thread, text, start_ns, end_ns
    FROM nvtx_ranges
    JOIN threads USING (trace_id, process_id, tid)
    WHERE text IS NOT NULL AND end_ns IS NOT NULL
),
-- Ranges of a name that holds every gap hold the first one: few names do.
candidates AS (
    SELECT
        *,
        dense_rank() OVER (ORDER BY text) AS called,
        (row_number() OVER ())::INTEGER AS candidate
    FROM (
        SELECT DISTINCT firsts.trace, cause, text
        FROM (
            SELECT trace, cause, min((at_ns, thread)) AS first FROM middles GROUP BY trace, cause
        ) AS firsts
        JOIN ranges
            ON thread = first[2]
            AND start_ns <= first[1]
            AND end_ns >= first[1]
    )
),
-- How many ranges of a name are open from a time on, and how long these are.
open_ranges AS (
    SELECT
        thread,
        called,
        at_ns,
        sum(sum(opened)) OVER by_time AS open_ranges,
        sum(sum(opened * (end_ns - start_ns))) OVER by_time AS ranges_ns
    FROM (
        SELECT *, unnest([start_ns, end_ns + 1]) AS at_ns, unnest([1, -1]) AS opened
        FROM ranges
        JOIN (SELECT DISTINCT trace, text, called FROM candidates) AS names USING (trace, text)
    )
    GROUP BY thread, called, at_ns
    WINDOW by_time AS (PARTITION BY thread, called ORDER BY at_ns)
),
around AS (
    SELECT candidate, count(*) AS gaps, sum(ranges_ns) AS ranges_ns
    FROM (
        SELECT candidate, thread, called, at_ns FROM middles JOIN candidates USING (trace, cause)
    ) AS held
    ASOF JOIN open_ranges
        ON open_ranges.thread = held.thread
        AND open_ranges.called = held.called
        AND open_ranges.at_ns <= held.at_ns
    WHERE open_ranges > 0
    GROUP BY candidate
),
holding AS (
    SELECT trace, cause, arg_min(text, (ranges_ns, text)) AS range
    FROM around
    JOIN candidates USING (candidate)
    JOIN found USING (trace, cause, gaps)
    GROUP BY trace, cause
),
started AS (
    SELECT
        trace,
        sum(duration_ns)::BIGINT AS idle_ns,
        count(*) AS gaps,
        max(duration_ns) AS longest_ns,
        greatest(count(DISTINCT gpu_id), 1) AS gpus,
        coalesce(sum(duration_ns) FILTER (loaded_by IS NOT NULL), 0)::BIGINT AS loading_ns,
        arg_min_null(first_step, (first_step_ns, first_step)) AS first_step,
        min(first_step_ns) AS first_step_ns,
        count(*) FILTER (end_ns <= first_step_ns) AS early_gaps,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM once
    WHERE is_once
    GROUP BY trace
)
SELECT
    found.trace,
    cause AS code,
    severity_of(idle_ns, whole_ns) AS severity,
    idle_ns AS saving_ns,
    percent(idle_ns, whole_ns) AS saving_pct,
    MAP {
        'idle_ns': idle_ns::DOUBLE,
        'gaps': gaps::DOUBLE,
        'gpus': gpus::DOUBLE,
        'longest_ns': longest_ns::DOUBLE
    } AS numbers,
    MAP {'function': function} AS texts,
    range,
    start_ns,
    end_ns
FROM found
JOIN spans USING (trace)
LEFT JOIN holding USING (trace, cause)
WHERE saving_pct >= $least_pct
UNION ALL
SELECT
    started.trace,
    'start_up',
    'once',
    idle_ns,
    percent(idle_ns, whole_ns + start_up_ns) AS of_all_pct,
    MAP {
        'idle_ns': idle_ns::DOUBLE,
        'gaps': gaps::DOUBLE,
        'gpus': gpus::DOUBLE,
        'longest_ns': longest_ns::DOUBLE,
        'loading_ns': loading_ns::DOUBLE
    },
    MAP {
        'doing': concat_ws(
            ', or ',
            CASE
                WHEN early_gaps > 0 THEN format(
                    'starts up, before its first step behind warm-up ({})',
                    coalesce(first_step, 'told by kernels')
                )
            END,
            CASE WHEN early_gaps < gaps
                THEN concat('loads code', if(first_step_ns IS NULL, '', ' outside of steps')) END
        )
    },
    NULL,
    start_ns,
    end_ns
FROM started
JOIN spans USING (trace)
WHERE of_all_pct >= $least_pct
ORDER BY trace, severity = 'once', saving_ns DESC, code
