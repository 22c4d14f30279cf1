-- How does prefill scale with the input length?
--
-- Runs with an input length (tag input_len) and a time; those that differ in any other tag are kept apart
-- (column config), repetitions are averaged. The overhead floor is the time of the shortest input, the
-- steady-state cost the slope between the two longest. The elbow is fitted: among the measured lengths E with
-- two longer ones, the one for which time = c + b · max(0, length − E) leaves the smallest squares; the
-- shortest length means that there is no flat part. Values read by eye come beside it from runs with the
-- metric elbow_by_eye_tokens and the same gpu. Achieved FLOP/s count flop_per_token for each token of the
-- batch. A run over 100 % of the peak did not do that work: it is flagged, and no rate of this hardware
-- follows from it. By default, flop_per_token is 2 for each weight in the layers of Llama-3.1-8B, attention
-- left out: a lower bound.
-- @param  sweep VARCHAR = NULL        only this sweep
-- @param  gpu VARCHAR = NULL          only runs on it: the tag gpu, or the name in gpu_specs
-- @param  metric VARCHAR = 'ms'       the time of one prefill
-- @param  flop_per_token DOUBLE = 13958643712  where no tag flop_per_token gives it
-- @param  precision VARCHAR = 'bf16'  precision of the peak
-- @needs  run_metrics
-- @column sweep VARCHAR               label of the imported file
-- @column gpu VARCHAR                 tag gpu
-- @column config VARCHAR              the other tags
-- @column input_len BIGINT            tokens of the prompt
-- @column ms DOUBLE                   time
-- @column overhead_floor_ms DOUBLE    time of the shortest input
-- @column steady_us_per_token DOUBLE  slope between the two longest inputs
-- @column elbow_fit_tokens BIGINT     fitted elbow; NULL with fewer than four lengths
-- @column elbow_by_eye_tokens DOUBLE  as somebody read it from the curve
-- @column ridge_flop_per_byte DOUBLE  theoretical ridge point; prefill does about one FLOP per byte and token
-- @column achieved_tflop_per_s DOUBLE  useful FLOP ÷ time
-- @column peak_tflop_per_s DOUBLE     dense peak; NULL if the GPU is not known
-- @column achieved_of_peak_pct DOUBLE  achieved ÷ peak
-- @column finding VARCHAR             set where that is over 100 %
-- @chart  sweep x=input_len y=ms color=gpu ridge=ridge_flop_per_byte
--         elbow=elbow_fit_tokens by_eye=elbow_by_eye_tokens
-- @empty  No run has an input length and that metric. Which there are: traceql query runs

WITH measured AS (
    SELECT
        sweep,
        tags['gpu'] AS gpu,
        runs.gpu AS spec,
        array_to_string(
            list_sort(list_transform(
                list_filter(map_entries(tags), lambda tag: tag.key NOT IN ('gpu', 'input_len')),
                lambda tag: tag.key || '=' || tag.value
            )),
            ', '
        ) AS config,
        try_cast(tags['input_len'] AS BIGINT) AS input_len,
        coalesce(try_cast(coalesce(tags['batch_size'], tags['batch']) AS BIGINT), 1) AS batch_size,
        coalesce(try_cast(tags['flop_per_token'] AS DOUBLE), $flop_per_token) AS flop_per_token,
        avg(value * CASE unit
            WHEN 'ns' THEN 1e-6 WHEN 'us' THEN 1e-3 WHEN 'ms' THEN 1 WHEN 's' THEN 1e3
            ELSE error(
                'prefill_sweep needs a time, but the unit of ' || run_metrics.metric || ' is "' || unit || '"'
            )
        END) AS ms
    FROM runs
    JOIN run_metrics USING (run_id)
    WHERE run_metrics.metric = $metric AND value IS NOT NULL
        AND is_asked_for(sweep, $sweep) AND ($gpu IS NULL OR $gpu IN (tags['gpu'], runs.gpu))
    GROUP BY ALL
),
points AS (
    SELECT *, dense_rank() OVER (ORDER BY sweep, gpu, config) AS curve
    FROM measured
    WHERE input_len > 0
),
ends AS (
    SELECT
        curve,
        min_by(ms, input_len) AS overhead_floor_ms,
        max_by(ms, input_len, 2) AS last_ms,
        max_by(input_len, input_len, 2) AS last_lens
    FROM points
    GROUP BY curve
),
hinges AS (
    SELECT
        points.curve,
        elbow.input_len AS elbow,
        regr_syy(ms, greatest(0, points.input_len - elbow.input_len))
            - regr_sxy(ms, greatest(0, points.input_len - elbow.input_len)) ** 2
            / regr_sxx(ms, greatest(0, points.input_len - elbow.input_len)) AS squares
    FROM points
    JOIN (SELECT DISTINCT curve, input_len FROM points) AS elbow USING (curve)
    GROUP BY points.curve, elbow.input_len
    HAVING count(DISTINCT points.input_len) FILTER (points.input_len > elbow.input_len) >= 2
        AND count(DISTINCT points.input_len) >= 4
),
elbows AS (
    SELECT curve, min_by(elbow, (squares, elbow)) AS elbow_fit_tokens
    FROM hinges
    GROUP BY curve
),
by_eye AS (
    SELECT tags['gpu'] AS gpu, max(value) AS elbow_by_eye_tokens
    FROM runs
    JOIN run_metrics USING (run_id)
    WHERE metric = 'elbow_by_eye_tokens'
    GROUP BY ALL
),
rates AS (
    SELECT
        points.*,
        flop_per_token * batch_size * input_len / ms / 1e9 AS achieved_tflop_per_s,
        peak_flop_per_s[$precision] / 1e12 AS peak_tflop_per_s,
        peak_flop_per_s[$precision] / memory_bandwidth_bytes_per_s AS ridge_flop_per_byte
    FROM points
    LEFT JOIN gpu_specs ON gpu_specs.gpu = points.spec
)
SELECT
    rates.sweep,
    rates.gpu,
    config,
    input_len,
    ms,
    overhead_floor_ms,
    1e3 * (last_ms[1] - last_ms[2]) / (last_lens[1] - last_lens[2]) AS steady_us_per_token,
    elbow_fit_tokens,
    elbow_by_eye_tokens,
    ridge_flop_per_byte,
    achieved_tflop_per_s,
    peak_tflop_per_s,
    100 * achieved_tflop_per_s / peak_tflop_per_s AS achieved_of_peak_pct,
    CASE WHEN achieved_tflop_per_s > peak_tflop_per_s THEN 'over 100 % of peak' END AS finding
FROM rates
JOIN ends USING (curve)
LEFT JOIN elbows USING (curve)
LEFT JOIN by_eye ON by_eye.gpu = rates.gpu
ORDER BY rates.sweep, rates.gpu, config, input_len
