-- What did the profiler itself cost, by process and kind, and which share of the time is that?
--
-- What it says of itself (buffers that it flushes, memory that it sets up) while the program's threads waited
-- for it: less than all that recording costs, which only a run without the profiler shows. What runs in
-- several threads at a time counts once in covered_ns.
-- @of     totals
-- @unites trace
-- @needs  profiler_overhead
-- @column trace VARCHAR          name of the trace
-- @column pid BIGINT             process; NULL where several share the row
-- @column process VARCHAR        its program; NULL if not known
-- @column told_by VARCHAR        nsys or CUPTI, which may tell of the same
-- @column activity VARCHAR       CUPTI Buffer flush, TLS allocation …
-- @column overhead_type VARCHAR  its kind by CUPTI; NULL before nsys 2026
-- @column instances BIGINT       how many
-- @column threads BIGINT         threads that it ran in
-- @column total_ns BIGINT        time of all threads
-- @column max_ns BIGINT          longest
-- @column covered_ns BIGINT      time in which at least one thread of the process was in it
-- @column share_pct DOUBLE       covered_ns of the time that is looked at; NULL if that is not known
-- @chart  bars x=activity y=total_ns

WITH told AS (
    SELECT
        traces.trace,
        profiler_overhead.*,
        coalesce(end_ns, start_ns) AS until_ns,
        processes.process
    FROM profiler_overhead
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN processes
        ON processes.trace_id = profiler_overhead.trace_id
        AND processes.process_id = profiler_overhead.process_id
),
covered AS (
    SELECT
        *,
        busy_until(
            start_ns, until_ns, profiler_overhead_id, (trace_id, process_id, told_by, activity, overhead_type)
        ) AS busy_until_ns
    FROM told
),
looked AS (
    SELECT trace, sum(until_ns - since_ns) AS looked_ns
    FROM looked_at
    JOIN (SELECT DISTINCT trace_id FROM told) USING (trace_id)
    GROUP BY trace
)
SELECT
    covered.trace,
    covered.pid,
    process,
    told_by,
    activity,
    overhead_type,
    count(*) AS instances,
    count(DISTINCT tid) AS threads,
    sum(covered.duration_ns)::BIGINT AS total_ns,
    max(covered.duration_ns) AS max_ns,
    sum(greatest(until_ns - greatest(start_ns, coalesce(busy_until_ns, start_ns)), 0))::BIGINT AS covered_ns,
    percent(covered_ns, any_value(looked_ns)) AS share_pct
FROM covered
LEFT JOIN looked USING (trace)
GROUP BY covered.trace, covered.process_id, covered.pid, process, told_by, activity, overhead_type
ORDER BY covered.trace, total_ns DESC NULLS LAST, covered.pid, covered.process_id, told_by, activity,
         overhead_type
