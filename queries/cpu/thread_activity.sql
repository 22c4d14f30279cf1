-- When were threads on a CPU, and how long did they wait for one or for something else?
--
-- Added up over the stretches between the scheduler's events, of those whose end is recorded. What was
-- before the first event of a thread is not known. Who woke a thread nsys does not record: cpu-in-gap and
-- os_calls tell what it waited in.
-- @of     timeline
-- @unites trace
-- @needs  thread_states
-- @column trace VARCHAR           name of the trace
-- @column pid BIGINT              process
-- @column tid BIGINT              thread
-- @column thread VARCHAR          its name
-- @column on_cpu_ns BIGINT        time on a CPU
-- @column off_cpu_ns BIGINT       time off it, until it was put on one again
-- @column on_cpu_pct DOUBLE       of both
-- @column runs BIGINT             how often it was put on a CPU
-- @column avg_run_ns DOUBLE       mean of these stretches
-- @column longest_wait_ns BIGINT  longest time off the CPU
-- @column migrations BIGINT       how often it came back on another CPU than it had left
-- @column cpus BIGINT             logical CPUs that it ran on
-- @chart  bars x=thread y=on_cpu_ns
-- @section timeline 48.5 What the CPUs did
-- @empty  nsys profile --cpuctxsw=process-tree records when threads run.

WITH stretches AS (
    SELECT
        thread_states.*,
        trace,
        lag(cpu_id) OVER by_thread AS cpu_before
    FROM thread_states
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WINDOW by_thread AS (
        PARTITION BY thread_states.trace_id, process_id, tid ORDER BY start_ns, end_ns NULLS LAST, is_on_cpu
    )
)
SELECT
    trace,
    stretches.pid,
    tid,
    thread,
    coalesce(sum(duration_ns) FILTER (is_on_cpu), 0)::BIGINT AS on_cpu_ns,
    coalesce(sum(duration_ns) FILTER (NOT is_on_cpu), 0)::BIGINT AS off_cpu_ns,
    percent(on_cpu_ns, on_cpu_ns + off_cpu_ns) AS on_cpu_pct,
    count(*) FILTER (is_on_cpu) AS runs,
    avg(duration_ns) FILTER (is_on_cpu) AS avg_run_ns,
    max(duration_ns) FILTER (NOT is_on_cpu) AS longest_wait_ns,
    count(*) FILTER (is_on_cpu AND cpu_id <> cpu_before) AS migrations,
    count(DISTINCT cpu_id) FILTER (is_on_cpu) AS cpus
FROM stretches
LEFT JOIN threads USING (trace_id, process_id, tid)
GROUP BY trace, trace_id, process_id, stretches.pid, tid, thread
ORDER BY trace, on_cpu_ns DESC, stretches.pid, tid, process_id
