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
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: what each of them uses
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

WITH spans AS (
    SELECT
        trace_id,
        gpu_id,
        lane_owner($by, process_id) AS owner,
        of_one(pid, process_id) AS pid,
        max(coalesce(end_ns, start_ns)) - min(start_ns) AS span_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    GROUP BY trace_id, gpu_id, lane_owner($by, process_id)
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
    FROM operations_by_owner($trace, $by, true) AS operations
    LEFT JOIN api_calls USING (api_call_id)
    WHERE operations.start_ns > busy_until_ns
),
idle AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        max(gap_end_ns - gap_start_ns) AS longest_gap_ns,
        sum(gap_end_ns - gap_start_ns) AS idle_ns
    FROM gaps
    GROUP BY trace_id, gpu_id, owner
),
-- By number, as is all that has to be sorted.
threads_that_launch AS (
    SELECT *, (row_number() OVER ())::INTEGER AS thread
    FROM (SELECT DISTINCT trace_id, gpu_id, owner, process_id, tid FROM gaps WHERE returned_ns > gap_start_ns)
),
in_gaps AS (
    SELECT thread, gap_start_ns, returned_ns
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
-- Each with its number in its trace and its function in one number. Those of the operating system come later
-- than all of CUDA.
called AS (
    SELECT thread, start_ns, end_ns, ((api_call_id & 4294967295) << 24) + function_id AS call
    FROM api_calls
    JOIN threads_that_launch USING (trace_id, process_id, tid)
    JOIN functions ON function = name AND NOT is_os
    WHERE end_ns > start_ns
    UNION ALL
    SELECT thread, start_ns, end_ns, ((os_call_id & 4294967295 | 4294967296) << 24) + function_id
    FROM os_calls
    JOIN threads_that_launch USING (trace_id, process_id, tid)
    JOIN functions ON function = name AND is_os
    WHERE end_ns > start_ns
),
-- Calls and gaps of each thread in their order; behind them a gap that is none. An end that no call has, the
-- largest, tells that it is a gap, and stands before calls; in place of a call is its end then.
in_order AS (
    FROM (
        FROM called
        UNION ALL
        SELECT thread, gap_start_ns, 9223372036854775807, returned_ns FROM in_gaps
        UNION ALL
        SELECT thread, 9223372036854775807, 9223372036854775807, 9223372036854775807 FROM threads_that_launch
    )
    -- All of a row is what it is sorted by: nothing else is kept of it meanwhile.
    ORDER BY thread, start_ns, end_ns DESC, call
),
-- They are looked at row after row. Times of a thread are out of reach of the next one's.
placed AS (
    SELECT
        thread,
        end_ns = 9223372036854775807 AS is_gap,
        (call & 16777215)::INTEGER AS function_id,
        thread::HUGEINT << 64 AS lane,
        lane + start_ns AS start_at,
        lane + if(is_gap, call, end_ns) AS end_at
    FROM in_order
),
reached AS (
    SELECT *, max(if(is_gap, NULL, end_at)) OVER (ROWS UNBOUNDED PRECEDING) AS reached_at FROM placed
),
behind AS (
    SELECT * EXCLUDE (reached_at), lag(reached_at) OVER () AS before_at FROM reached
),
-- A call inside another one, of CUDA or of the operating system, is part of that: one that ends later than
-- all before it holds the thread, from when those end.
holding AS (
    SELECT
        *,
        if(NOT is_gap AND end_at > before_at IS NOT false, (end_at << 24) + function_id, NULL) AS holds,
        greatest(start_at, before_at) AS from_at
    FROM behind
),
-- Of a thread's gaps no two overlap.
held AS (
    SELECT
        *,
        max(holds) OVER so_far AS holder,
        max(if(is_gap, end_at, NULL)) OVER so_far AS gap
    FROM holding
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
),
-- Each call in the last gap that began before it, and each gap in the call that held the thread as it began.
meeting AS (
    SELECT
        thread,
        start_at,
        end_at,
        before_at,
        is_gap,
        holds IS NOT NULL AND from_at > start_at AS crosses,
        gap,
        (if(is_gap, holder, holds) & 16777215)::INTEGER AS function_id,
        greatest(
            0,
            CASE
                WHEN holder IS NULL OR gap IS NULL THEN 0
                WHEN is_gap THEN least(holder >> 24, end_at) - start_at
                WHEN holds IS NOT NULL THEN least(end_at, gap) - from_at
            END
        ) AS time_ns,
        lag(holder) OVER () AS holder_before
    FROM held
),
summed AS (
    SELECT *, sum(time_ns) OVER (ROWS UNBOUNDED PRECEDING) AS total_ns FROM meeting
),
-- Of the gap before, its length less what calls take of it. Gaps begin later by more than calls take of them.
apart AS (
    SELECT
        *,
        max(if(is_gap, start_at - (total_ns - time_ns), NULL)) OVER (ROWS UNBOUNDED PRECEDING) AS own_at,
        lag(gap) OVER () AS gap_before
    FROM summed
),
rested AS (
    SELECT *, gap_before - (total_ns - time_ns) - lag(own_at) OVER () AS host_ns FROM apart
),
-- Where a call begins in one and ends after it, gaps that begin in both are in the first one until that ends.
crossing AS MATERIALIZED (
    SELECT DISTINCT start_at, before_at, function_id, (holder_before & 16777215)::INTEGER AS holder_id
    FROM rested
    WHERE crosses
),
crossed AS (
    SELECT
        thread,
        gap,
        unnest([holder_id, function_id]) AS function_id,
        unnest([1, -1]) * (least(before_at, gap) - gaps.start_at) AS time_ns
    FROM crossing
    JOIN (
        SELECT
            thread,
            (thread::HUGEINT << 64) + gap_start_ns AS start_at,
            (thread::HUGEINT << 64) + returned_ns AS gap
        FROM in_gaps
        WHERE EXISTS (FROM crossing)
    ) AS gaps
        ON gaps.start_at > crossing.start_at AND gaps.start_at < before_at
),
by_gap AS (
    SELECT thread, function_id, sum(time_ns) AS time_ns
    FROM (
        SELECT thread, gap, function_id, time_ns::BIGINT AS time_ns FROM rested WHERE time_ns > 0
        UNION ALL
        FROM crossed
    )
    GROUP BY thread, gap, function_id
    UNION ALL
    SELECT thread, 0, host_ns FROM rested WHERE is_gap
),
by_lane AS (
    SELECT trace_id, gpu_id, owner, function_id, time_ns, gaps, longest_ns
    FROM (
        SELECT thread, function_id, sum(time_ns) AS time_ns, count(*) AS gaps, max(time_ns) AS longest_ns
        FROM by_gap
        WHERE time_ns > 0
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
        spans.owner,
        of_one(gpu_name, gpu_name) AS gpu,
        of_one(pid, pid) AS pid,
        max(longest_gap_ns) AS longest_gap_ns,
        sum(span_ns)::BIGINT AS span_ns,
        coalesce(sum(idle_ns), 0) AS idle_ns
    FROM spans
    JOIN traces USING (trace_id)
    LEFT JOIN idle
        ON idle.trace_id = spans.trace_id AND idle.gpu_id IS NOT DISTINCT FROM spans.gpu_id
        AND idle.owner = spans.owner
    LEFT JOIN gpus ON gpus.trace_id = spans.trace_id AND gpus.gpu_id = spans.gpu_id
    GROUP BY trace, spans.gpu_id, spans.owner
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
