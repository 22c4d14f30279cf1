-- Do some steps have far more GPU work than others, or ever more?
--
-- Of steps of one name (numbers in it aside) and phase, without the first ones that are warm-up (is_warm_up
-- of step-summary). Their work is gpu_busy_ns without the time in which the process does nothing but
-- communicate: that is waiting, mostly. long_tail: some have more than twice the median. drift: it grows
-- along a line (r² of at least 0.7, over at least eight steps) by a tenth of the mean or more.
-- saving_ns: of long_tail what these steps have above the median, of drift what all have above the
-- shortest: upper bounds, as steps that are alike have no more work than these.
-- @of     timeline
-- @unites trace
-- @param  times DOUBLE = 2      a step is in the tail when it takes more than so many times the median
-- @param  fewest BIGINT = 5     so many steps of one name tell something
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels|memory_ops|graph_launches timeline
-- @says   long_tail Of {steps|step|steps} ({range}), {slow_steps|has|have} GPU work for more than {times}
--         times the median of {median_gpu_work_ns}{slow_steps?:|, at most} for {max_gpu_work_ns}.
-- @try    long_tail Compare the slowest step with a usual one: what does it launch more, or for larger
--         shapes?
-- @where  long_tail the slowest is step {slowest_step}
-- @proof  long_tail step_summary
-- @says   drift The GPU work of steps ({range}) grows from one to the next, by {growth_pct} over
--         {steps|step|steps}, up to {max_gpu_work_ns}.
-- @try    drift See what grows (sequence, batch, cache) and pad or bound it; or whether clocks fell: a kernel
--         of one shape that gets slower is throttled.
-- @proof  drift step_summary

WITH steps AS (
    FROM steps_with_work($trace, NULL, 'thread')
),
operations AS (
    -- The GPUs of a process as one: where one of them computes, the others' waiting is no step's.
    SELECT operations_by_work.* REPLACE (0 AS gpu_id), operations_by_work.process_id AS owner
    FROM operations_by_work
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    SEMI JOIN kernels_communicating USING (trace_id)
),
communicating AS (
    SELECT trace, owner AS process_id, states.start_ns, states.end_ns
    FROM gpu_states(operations) AS states
    JOIN traces USING (trace_id)
    WHERE state = 'exposed'
),
exposed AS (
    SELECT
        steps.trace,
        steps.process_id,
        steps.tid,
        steps.step,
        sum(least(end_ns, gpu_start_ns + gpu_span_ns) - greatest(communicating.start_ns, gpu_start_ns))
            AS exposed_ns
    FROM steps
    JOIN communicating
        ON communicating.trace = steps.trace
        AND communicating.process_id = steps.process_id
        AND communicating.start_ns < gpu_start_ns + gpu_span_ns
        AND communicating.end_ns > gpu_start_ns
    GROUP BY ALL
),
named AS (
    SELECT
        steps.*,
        gpu_busy_ns - coalesce(exposed_ns, 0)::BIGINT AS gpu_work_ns,
        text_pattern(range) AS called,
        count(*) FILTER (is_warm_up) OVER (
            PARTITION BY steps.trace, steps.process_id, steps.tid, called, phase
        ) AS warm_up_steps
    FROM steps
    LEFT JOIN exposed
        ON exposed.trace = steps.trace
        AND exposed.process_id = steps.process_id
        AND exposed.tid IS NOT DISTINCT FROM steps.tid
        AND exposed.step = steps.step
    WHERE gpu_work_ns > 0
),
measured AS (
    SELECT
        *,
        median(gpu_work_ns) OVER alike AS median_ns,
        min(gpu_work_ns) OVER alike AS min_ns,
        row_number() OVER (
            PARTITION BY trace, process_id, tid, called, phase ORDER BY gpu_start_ns, step
        ) AS number
    FROM named
    WHERE NOT is_warm_up
    WINDOW alike AS (PARTITION BY trace, process_id, tid, called, phase)
),
grouped AS (
    SELECT
        trace,
        process_id,
        pid,
        tid,
        called,
        phase,
        warm_up_steps,
        count(*) AS steps,
        count(*) FILTER (gpu_work_ns > $times * median_ns) AS slow_steps,
        sum(gpu_work_ns - median_ns) FILTER (gpu_work_ns > $times * median_ns) AS tail_ns,
        sum(gpu_work_ns - min_ns) AS grown_ns,
        max(median_ns) AS median_ns,
        max(gpu_work_ns) AS max_ns,
        arg_max(step, (gpu_work_ns, -number)) AS slowest_step,
        regr_r2(gpu_work_ns, number) AS r2,
        if(
            count(*) > 1,
            percent(regr_slope(gpu_work_ns, number) * (count(*) - 1), avg(gpu_work_ns)),
            NULL
        ) AS growth_pct,
        min(gpu_start_ns) AS start_ns,
        max(gpu_start_ns + gpu_span_ns) AS end_ns,
        min(gpu_start_ns) FILTER (gpu_work_ns > $times * median_ns) AS slow_start_ns,
        max(gpu_start_ns + gpu_span_ns) FILTER (gpu_work_ns > $times * median_ns) AS slow_end_ns
    FROM measured
    GROUP BY ALL
    HAVING count(*) >= $fewest
),
found AS (
    SELECT *, 'long_tail' AS code, tail_ns::BIGINT AS saving_ns
    FROM grouped
    WHERE slow_steps > 0
    UNION ALL
    SELECT *, 'drift', grown_ns::BIGINT
    FROM grouped
    WHERE steps >= 8 AND r2 >= 0.7 AND growth_pct >= 10
)
SELECT
    trace,
    code,
    severity_of(saving_ns, whole_ns) AS severity,
    saving_ns,
    percent(saving_ns, whole_ns) AS saving_pct,
    MAP {
        'steps': steps::DOUBLE,
        'slow_steps': slow_steps::DOUBLE,
        'times': $times::DOUBLE,
        'median_gpu_work_ns': median_ns,
        'max_gpu_work_ns': max_ns::DOUBLE,
        'growth_pct': growth_pct,
        'slowest_step': slowest_step::DOUBLE
    } AS numbers,
    MAP {
        'range': concat_ws(', ', coalesce(called, 'told by kernels'), after_warm_up(warm_up_steps))
    } AS texts,
    called AS range,
    if(code = 'drift', start_ns, slow_start_ns) AS start_ns,
    if(code = 'drift', end_ns, slow_end_ns) AS end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace, saving_ns DESC, code, range, start_ns, pid, process_id, tid, phase
