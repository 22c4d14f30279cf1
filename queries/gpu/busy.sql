-- What did each GPU spend its time with, and why was it idle?
--
-- From the first start to the last end of its operations: one row for the time in which at least one of them
-- ran, and rows for the rest by its cause. The times of one GPU add up to span_ns, to the nanosecond. A gap
-- has the cause that the thread had which launched the operation after it: launch (it was in a call that
-- launches), copy or sync (in a call that copies or waits), other_call, os_call, and host_work (in none: its
-- own work, such as Python). What passed after the launching call returned is queue: the launch's own delay,
-- or other work that it had to wait for. not_recorded is where the call was not.
-- Advice: launch and queue by CUDA graphs or fewer kernels, sync and copy by pinned memory and asynchronous
-- calls, host_work by less work on the host; cpu_bound_gaps lists gaps one by one.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR = 'gpu'      gpu, whoever shares it, or process: what each of them uses
-- @needs  kernels|memory_ops|graph_launches timeline
-- @column trace VARCHAR           name of the trace
-- @column gpu_id INTEGER          the GPU, see gpus
-- @column gpu VARCHAR             name of the GPU; NULL if the report does not map it
-- @column pid BIGINT              process; NULL where several share the GPU
-- @column cause VARCHAR           busy, or of idle time launch, queue, copy, sync, other_call, os_call,
--         host_work or not_recorded
-- @column function VARCHAR        call of CUDA or of the operating system that the thread was in
-- @column time_ns BIGINT          how long, in total
-- @column share_pct DOUBLE        of the span
-- @column gaps BIGINT             gaps with some of it; NULL for busy time
-- @column longest_ns BIGINT       most of it in one gap; NULL for busy time
-- @column longest_gap_ns BIGINT   longest gap of the GPU, of whichever causes; NULL if there is none
-- @column span_ns BIGINT          from the first start to the last end of the GPU's operations
-- @title  time_ns Time
-- @chart  bars x=cause y=time_ns
-- @section timeline 49 Gaps and launch overhead

WITH operations AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        process_id,
        pid,
        api_call_id,
        start_ns,
        end_ns AS until_ns,
        busy_until_ns
    FROM operations_by_owner($trace, $by, true)
),
spans AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        of_one(pid, process_id) AS pid,
        max(until_ns) - min(start_ns) AS span_ns,
        max(start_ns - busy_until_ns) FILTER (start_ns > busy_until_ns) AS longest_gap_ns,
        coalesce(sum(start_ns - busy_until_ns) FILTER (start_ns > busy_until_ns), 0) AS idle_ns
    FROM operations
    GROUP BY trace_id, gpu_id, owner
),
gaps AS (
    SELECT
        operations.trace_id,
        gpu_id,
        owner,
        operations.process_id,
        tid,
        busy_until_ns AS gap_start_ns,
        operations.start_ns AS gap_end_ns,
        -- Until then the thread decides; NULL if the call was not recorded, which least() would pass over.
        CASE WHEN api_calls.end_ns IS NOT NULL
             THEN least(greatest(api_calls.end_ns, busy_until_ns), operations.start_ns) END AS returned_ns
    FROM operations
    LEFT JOIN api_calls USING (api_call_id)
    WHERE operations.start_ns > busy_until_ns
),
-- By number, as is all that has to be sorted.
threads_that_launch AS (
    SELECT *, (row_number() OVER ())::INTEGER AS thread
    FROM (SELECT DISTINCT trace_id, gpu_id, owner, process_id, tid FROM gaps WHERE returned_ns > gap_start_ns)
),
-- The gaps of a thread are numbered one after the other.
in_gaps AS (
    SELECT
        thread,
        gap_start_ns,
        returned_ns,
        row_number() OVER (ORDER BY thread, gap_start_ns) AS gap
    FROM gaps
    JOIN threads_that_launch AS threads
        ON threads.trace_id = gaps.trace_id AND threads.gpu_id IS NOT DISTINCT FROM gaps.gpu_id
        AND threads.owner = gaps.owner AND threads.process_id = gaps.process_id AND threads.tid = gaps.tid
    WHERE returned_ns > gap_start_ns
),
functions AS (
    SELECT
        row_number() OVER () AS function_id,
        is_os,
        name AS function,
        CASE WHEN is_os THEN 'os_call'
             WHEN call_purpose(name) = 'replay' THEN 'launch'
             ELSE coalesce(call_purpose(name), 'other_call') END AS cause
    FROM (
        SELECT DISTINCT false AS is_os, name FROM api_calls
        UNION ALL
        SELECT DISTINCT true, name FROM os_calls
    )
    UNION ALL
    FROM (VALUES (0, NULL, NULL, 'host_work'), (-1, NULL, NULL, 'queue'), (-2, NULL, NULL, 'not_recorded'))
),
called AS (
    SELECT thread, start_ns, end_ns, function_id, api_call_id AS call
    FROM api_calls
    JOIN threads_that_launch USING (trace_id, process_id, tid)
    JOIN functions ON function = name AND NOT is_os
    WHERE end_ns > start_ns
    UNION ALL
    -- Those of the operating system come later than all of CUDA.
    SELECT thread, start_ns, end_ns, function_id, os_call_id + (1::BIGINT << 62)
    FROM os_calls
    JOIN threads_that_launch USING (trace_id, process_id, tid)
    JOIN functions ON function = name AND is_os
    WHERE end_ns > start_ns
),
-- Of a thread's gaps no two overlap: a call is in the last one that begins before it ends, or in none.
reaching AS (
    SELECT called.*, gap, gap_start_ns, returned_ns
    FROM called
    ASOF JOIN in_gaps ON in_gaps.thread = called.thread AND in_gaps.gap_start_ns < called.end_ns
    WHERE start_ns < returned_ns
),
-- A call inside another one, of CUDA or of the operating system, is part of that.
calls AS (
    SELECT
        thread,
        greatest(start_ns, coalesce(outer_until_ns, start_ns)) AS start_ns,
        end_ns,
        function_id,
        gap,
        gap_start_ns,
        returned_ns
    FROM (SELECT *, held_until(start_ns, end_ns, call, thread) AS outer_until_ns FROM reaching)
    WHERE end_ns > coalesce(outer_until_ns, start_ns)
),
-- Those that begin before that gap does may be in earlier ones, too.
earlier AS (
    SELECT
        start_ns,
        end_ns,
        function_id,
        unnest(range(firsts.gap, calls.gap)) AS gap
    FROM (FROM calls WHERE start_ns < gap_start_ns) AS calls
    ASOF JOIN (SELECT thread, gap, returned_ns FROM in_gaps) AS firsts
        ON firsts.thread = calls.thread AND firsts.returned_ns > calls.start_ns
),
pieces AS (
    SELECT thread, gap, function_id,
           least(end_ns, returned_ns) - greatest(start_ns, gap_start_ns) AS time_ns
    FROM calls
    WHERE start_ns < returned_ns
    UNION ALL
    SELECT thread, gap, function_id, least(end_ns, returned_ns) - greatest(start_ns, gap_start_ns)
    FROM earlier
    JOIN in_gaps USING (gap)
),
by_function AS (
    SELECT thread, gap, function_id, sum(time_ns)::BIGINT AS time_ns
    FROM pieces
    GROUP BY thread, gap, function_id
),
in_calls AS (
    SELECT gap, sum(time_ns)::BIGINT AS time_ns FROM by_function GROUP BY gap
),
by_gap AS (
    FROM by_function
    UNION ALL
    SELECT thread, gap, 0, returned_ns - gap_start_ns - coalesce(time_ns, 0)
    FROM in_gaps
    LEFT JOIN in_calls USING (gap)
    WHERE returned_ns - gap_start_ns > coalesce(time_ns, 0)
),
by_lane AS (
    SELECT trace_id, gpu_id, owner, function_id, time_ns, gaps, longest_ns
    FROM (
        SELECT thread, function_id, sum(time_ns) AS time_ns, count(*) AS gaps, max(time_ns) AS longest_ns
        FROM by_gap
        GROUP BY thread, function_id
    )
    JOIN threads_that_launch USING (thread)
    UNION ALL
    SELECT trace_id, gpu_id, owner, -1, sum(gap_end_ns - returned_ns), count(*), max(gap_end_ns - returned_ns)
    FROM gaps
    WHERE gap_end_ns > returned_ns
    GROUP BY trace_id, gpu_id, owner
    UNION ALL
    SELECT trace_id, gpu_id, owner, -2, sum(gap_end_ns - gap_start_ns), count(*),
           max(gap_end_ns - gap_start_ns)
    FROM gaps
    WHERE returned_ns IS NULL
    GROUP BY trace_id, gpu_id, owner
),
wholes AS (
    SELECT
        trace,
        spans.gpu_id,
        owner,
        of_one(gpu_name, gpu_name) AS gpu,
        of_one(pid, pid) AS pid,
        max(longest_gap_ns) AS longest_gap_ns,
        sum(span_ns)::BIGINT AS span_ns,
        sum(idle_ns) AS idle_ns
    FROM spans
    JOIN traces USING (trace_id)
    LEFT JOIN gpus ON gpus.trace_id = spans.trace_id AND gpus.gpu_id = spans.gpu_id
    GROUP BY trace, spans.gpu_id, owner
),
times AS (
    SELECT trace, gpu_id, owner, 'busy' AS cause, NULL AS function, span_ns - idle_ns AS time_ns,
           NULL AS gaps, NULL AS longest_ns
    FROM wholes
    UNION ALL
    SELECT trace, gpu_id, owner, cause, function, sum(time_ns), sum(gaps)::BIGINT, max(longest_ns)
    FROM by_lane
    JOIN functions USING (function_id)
    JOIN traces USING (trace_id)
    GROUP BY trace, gpu_id, owner, cause, function
)
SELECT
    wholes.trace,
    wholes.gpu_id,
    gpu,
    pid,
    cause,
    function,
    time_ns::BIGINT AS time_ns,
    percent(time_ns, span_ns) AS share_pct,
    gaps,
    longest_ns::BIGINT AS longest_ns,
    longest_gap_ns,
    span_ns
FROM times
JOIN wholes ON wholes.trace = times.trace
    AND wholes.gpu_id IS NOT DISTINCT FROM times.gpu_id
    AND wholes.owner = times.owner
ORDER BY wholes.trace, wholes.gpu_id, wholes.owner, cause <> 'busy', time_ns DESC, cause, function
