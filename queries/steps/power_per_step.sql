-- How much power does each step draw, how much energy does it take, and how fast do the clocks run?
--
-- Steps are those of step-summary, end to end on each GPU as communication-per-step has them. Power is that
-- of the whole GPU, whoever uses it; a sample tells of the time since the one before, and one of the clock of
-- the time until the next one, so steps much shorter than the sampling period share it. Energy is power over
-- time, as far as the samples reach: power_known_pct says which part of the step that is. Power is sampled by
-- nsys profile --enable=nvml_metrics, clocks with --gpu-metrics-devices=all.
-- @of     timeline
-- @unites trace
-- @param  step VARCHAR = NULL    text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches begin a step: thread or process
-- @needs  kernels timeline
-- @needs  counter_samples
-- @column trace VARCHAR          name of the trace
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column pid BIGINT             process
-- @column step BIGINT            0 for the first of its process and GPU
-- @column range VARCHAR          its NVTX message; NULL if kernels tell the steps
-- @column start_ns BIGINT        start of its first GPU operation
-- @column span_ns BIGINT         from there to that of the next step; of the last one, to the end of all
-- @column avg_power_w DOUBLE     mean over the time that is known; NULL if none is
-- @column max_power_w DOUBLE     highest sample that tells of it
-- @column power_known_pct DOUBLE  of the span, between samples of the power
-- @column energy_j DOUBLE        power over that time; of the rest nothing is known
-- @column avg_clock_hz DOUBLE    mean clock of the SMs; NULL where it was not sampled
-- @column tokens BIGINT          tokens of the step, as vLLM's ranges tell them; NULL for others
-- @column energy_j_per_token DOUBLE  energy by tokens, where all of the span is known
-- @chart  bars x=step y=energy_j
-- @empty  No step while the power was sampled: nsys profile --enable=nvml_metrics,-i10 samples every 10 ms.

WITH begun AS (
    FROM gpu_steps($step, $by)
),
ends AS (
    SELECT trace_id, process_id AS owner, gpu_id, max(end_ns) AS last_ns
    FROM gpu_operations
    WHERE start_ns < end_ns
    GROUP BY ALL
),
steps AS (
    SELECT
        begun.*,
        coalesce(
            lead(step_start_ns) OVER (PARTITION BY trace_id, owner, gpu_id ORDER BY step), last_ns
        ) AS step_end_ns
    FROM begun
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN ends USING (trace_id, owner, gpu_id)
),
readings AS (
    SELECT
        trace_id,
        gpu_id,
        what,
        value,
        CASE what WHEN 'clock' THEN time_ns ELSE lag(time_ns) OVER samples END AS from_ns,
        CASE what WHEN 'clock' THEN lead(time_ns) OVER samples ELSE time_ns END AS to_ns
    FROM (
        SELECT trace_id, gpu_id, 'power' AS what, time_ns, max(value) AS value
        FROM counter_samples
        WHERE metric = 'Power' AND unit = 'W' AND value IS NOT NULL
        GROUP BY ALL
        UNION ALL
        SELECT trace_id, gpu_id, 'clock', time_ns, 1e6 * max(value)
        FROM gpu_samples
        WHERE metric = 'GPC Clock Frequency' AND unit = 'MHz'
        GROUP BY ALL
    )
    WINDOW samples AS (PARTITION BY trace_id, gpu_id, what ORDER BY time_ns)
),
pieces AS (
    SELECT
        steps.trace_id,
        owner,
        steps.gpu_id,
        step,
        what,
        value,
        least(to_ns, step_end_ns) - greatest(from_ns, step_start_ns) AS piece_ns
    FROM steps
    JOIN readings
        ON readings.trace_id = steps.trace_id AND readings.gpu_id = steps.gpu_id
        AND from_ns < step_end_ns AND to_ns > step_start_ns
),
sums AS (
    SELECT
        trace_id,
        owner,
        gpu_id,
        step,
        sum(piece_ns) FILTER (what = 'power') AS known_ns,
        1e-9 * sum(value * piece_ns) FILTER (what = 'power') AS energy_j,
        max(value) FILTER (what = 'power') AS max_power_w,
        sum(value * piece_ns) FILTER (what = 'clock') / sum(piece_ns) FILTER (what = 'clock') AS avg_clock_hz
    FROM pieces
    GROUP BY ALL
)
SELECT
    trace,
    steps.gpu_id,
    processes.pid,
    steps.step,
    range,
    step_start_ns AS start_ns,
    step_end_ns - step_start_ns AS span_ns,
    per_second(energy_j, known_ns) AS avg_power_w,
    max_power_w,
    percent(coalesce(known_ns, 0), span_ns) AS power_known_pct,
    energy_j,
    avg_clock_hz,
    step_tokens(range) AS tokens,
    CASE WHEN known_ns = span_ns THEN energy_j / nullif(tokens, 0) END AS energy_j_per_token
FROM steps
JOIN traces USING (trace_id)
JOIN processes ON processes.trace_id = steps.trace_id AND processes.process_id = owner
LEFT JOIN sums
    ON sums.trace_id = steps.trace_id AND sums.owner = steps.owner AND sums.gpu_id = steps.gpu_id
    AND sums.step = steps.step
-- Of a GPU whose power was not sampled nothing is told.
WHERE (steps.trace_id, steps.gpu_id) IN (SELECT (trace_id, gpu_id) FROM readings WHERE what = 'power')
ORDER BY trace, gpu_id, steps.owner, step
