-- How does prefill scale with the input length?
--
-- Runs with an input length (tag input_len) and a time; those that differ in any other tag are kept apart
-- (column config), repetitions are averaged. The overhead floor is the time of the shortest input, the
-- steady-state cost the slope between the two longest. The elbow is fitted: among the measured lengths E
-- with a longer one, the one for which time = c + b · max(0, length − E) leaves the smallest squares, if
-- that beats a constant beyond noise (see the macro elbows). Where that is the shortest length, time
-- rises from there on: there is no flat part, and no elbow. Values read by eye come beside it from runs
-- with the metric elbow_by_eye_tokens and the same gpu. They belong to the sweep of their own file, or
-- that which their tag sweep names, or else the one that shares most GPUs with their table; one that fits
-- several curves is given to none. Achieved FLOP/s count flop_per_token for each token of the batch,
-- against the peak of all GPUs (tags tensor_parallel_size, pipeline_parallel_size and data_parallel_size,
-- or tp, pp and dp). A run over 100 % of the peak did not do that work: it is flagged, and no rate of
-- this hardware follows from it. Runs that have no flop_per_token and name no model are taken for
-- Llama-3.1-8B (2 FLOP for each weight in its layers, attention left out: a lower bound); those of
-- another model have no rate.
-- @param  sweep VARCHAR = NULL         only this sweep
-- @param  gpu VARCHAR = NULL           only runs on it: the tag gpu, or the name in gpu_specs
-- @param  metric VARCHAR = 'ms'        the time of one prefill
-- @param  flop_per_token DOUBLE = NULL  where no tag flop_per_token gives it
-- @param  precision VARCHAR = 'bf16'   precision of the peak
-- @param  weight_dtype VARCHAR = NULL  type of the weights, where no tag gives it; by default the peak's
-- @needs  run_metrics
-- @column sweep VARCHAR                label of the imported file
-- @column gpu VARCHAR                  tag gpu
-- @column config VARCHAR               the other tags
-- @column gpus BIGINT                  GPUs of all kinds of parallelism; NULL if a tag is no number
-- @column input_len BIGINT             tokens of the prompt
-- @column ms DOUBLE                    time
-- @column overhead_floor_ms DOUBLE     time of the shortest input
-- @column steady_us_per_token DOUBLE   slope between the two longest inputs
-- @column elbow_fit_tokens BIGINT      fitted elbow; NULL with under four lengths, no flat part or no bend
-- @column elbow_by_eye_tokens DOUBLE   as somebody read it from the curve
-- @column ridge_flop_per_byte DOUBLE   theoretical ridge point
-- @column ridge_tokens DOUBLE          the input length at which products with the weights reach it
-- @column achieved_tflop_per_s DOUBLE  useful FLOP ÷ time
-- @column peak_tflop_per_s DOUBLE      dense peak of these GPUs; NULL if the GPU is not known
-- @column achieved_of_peak_pct DOUBLE  achieved ÷ peak
-- @column sized_by VARCHAR             what tells its size: tag, parameter, or Llama-3.1-8B
-- @column finding VARCHAR              set where that is over 100 %
-- @column remark VARCHAR               why a number is NULL
-- @note   SELECT format('No model is named and no flop_per_token given for {}: taken for Llama-3.1-8B',
-- @note   string_agg(DISTINCT sweep, ', ' ORDER BY sweep))
-- @note   FROM answer WHERE sized_by LIKE '%assumed' HAVING count(*) > 0
-- @note   UNION ALL
-- @note   FROM (SELECT DISTINCT format('{} ({})', remark, concat_ws(', ', sweep, gpu)) AS note
-- @note   FROM answer WHERE remark <> '' ORDER BY note)
-- @chart  sweep x=input_len y=ms color=gpu file=sweep config=config
--         ridge=ridge_tokens elbow=elbow_fit_tokens by_eye=elbow_by_eye_tokens finding=finding
-- @empty  No run has an input length and that metric. Which there are: traceql query runs

WITH measured AS (
    SELECT
        * EXCLUDE (size),
        size AS input_len,
        dense_rank() OVER (ORDER BY sweep, gpu, config) AS curve,
        tag_count(tags, 'batch_size', 'batch') AS batch_size,
        tag_count(tags, 'data_parallel_size', 'dp') AS replicas,
        replicas * tag_count(tags, 'tensor_parallel_size', 'tp')
            * tag_count(tags, 'pipeline_parallel_size', 'pp') AS gpus,
        weight_element_bytes(tags, $weight_dtype, $precision) AS element_bytes,
        CASE WHEN tag_amount(tags, 'flop_per_token') IS NOT NULL THEN 'tag'
             WHEN tags['flop_per_token'] IS NOT NULL THEN NULL
             WHEN $flop_per_token IS NOT NULL THEN 'parameter'
             ELSE model_of_runs(tags) END AS sized_by,
        CASE WHEN sized_by = 'tag' THEN tag_amount(tags, 'flop_per_token')
             WHEN sized_by = 'parameter' THEN $flop_per_token
             WHEN sized_by IS NOT NULL THEN 13958643712 END AS flop_per_token
    FROM sweep_points('prefill_sweep', ['input_len', 'input_length'], $metric, $sweep, $gpu)
),
ends AS (
    SELECT
        curve,
        min_by(ms, input_len) AS overhead_floor_ms,
        max_by(ms, input_len, 2) AS last_ms,
        max_by(input_len, input_len, 2) AS last_lens
    FROM measured
    GROUP BY curve
),
points AS (
    SELECT curve, input_len AS x, ms AS y FROM measured
),
eyes AS (
    SELECT run_id, sweep, tags['gpu'] AS gpu, tags, max(value) AS value
    FROM runs
    JOIN run_metrics USING (run_id)
    WHERE metric = 'elbow_by_eye_tokens' AND value IS NOT NULL
    GROUP BY run_id, sweep, tags
),
swept AS (
    SELECT DISTINCT sweep, tags['gpu'] AS gpu
    FROM runs
    WHERE tag_number(tags, 'input_len', 'input_length') > 0
),
-- Sweeps that share GPUs with a table of elbows, those with most of them.
alike AS (
    SELECT eyes.sweep, swept.sweep AS home
    FROM eyes
    JOIN swept USING (gpu)
    WHERE eyes.sweep NOT IN (SELECT sweep FROM swept)
    GROUP BY eyes.sweep, swept.sweep
    QUALIFY rank() OVER (PARTITION BY eyes.sweep ORDER BY count(DISTINCT eyes.gpu) DESC) = 1
),
homes AS (
    SELECT
        eyes.*,
        coalesce(eyes.tags['sweep'], alike.home, eyes.sweep) AS home,
        count(*) OVER (PARTITION BY run_id) AS found
    FROM eyes
    LEFT JOIN alike ON alike.sweep = eyes.sweep AND eyes.tags['sweep'] IS NULL
),
seen AS (
    SELECT
        curve,
        value,
        found * count(*) OVER (PARTITION BY run_id, home) AS fitting
    FROM homes
    JOIN (SELECT DISTINCT ON (curve) curve, sweep, gpu, tags FROM measured ORDER BY curve, input_len) AS drawn
        ON drawn.sweep = home AND drawn.gpu = homes.gpu AND len(list_filter(
            map_keys(homes.tags),
            lambda tag: tag NOT IN ('sweep', 'input_len', 'input_length')
                AND drawn.tags[tag] <> homes.tags[tag]
        )) = 0
),
by_eye AS (
    SELECT
        curve,
        max(value) FILTER (fitting = 1) AS elbow_by_eye_tokens,
        max(fitting) > 1 AND elbow_by_eye_tokens IS NULL AS is_unclear
    FROM seen
    GROUP BY curve
),
rates AS (
    SELECT
        *,
        flop_per_token * batch_size * input_len / nullif(ms, 0) / 1e9 AS achieved_tflop_per_s,
        gpus * peak_flop_per_s[$precision] / 1e12 AS peak_tflop_per_s,
        peak_flop_per_s[$precision] / memory_bandwidth_bytes_per_s AS ridge_flop_per_byte
    FROM measured
    LEFT JOIN (SELECT gpu AS spec, peak_flop_per_s, memory_bandwidth_bytes_per_s FROM gpu_specs) USING (spec)
)
SELECT
    sweep,
    gpu,
    config,
    gpus,
    input_len,
    ms,
    overhead_floor_ms,
    1e3 * (last_ms[1] - last_ms[2]) / (last_lens[1] - last_lens[2]) AS steady_us_per_token,
    elbow AS elbow_fit_tokens,
    elbow_by_eye_tokens,
    ridge_flop_per_byte,
    -- Prompts of a batch go through the weights together; replicas share them.
    ridge_flop_per_byte * element_bytes / 2 * CASE WHEN batch_size > replicas THEN replicas / batch_size
                                                WHEN batch_size <= replicas THEN 1 END AS ridge_tokens,
    achieved_tflop_per_s,
    peak_tflop_per_s,
    percent(achieved_tflop_per_s, peak_tflop_per_s) AS achieved_of_peak_pct,
    sized_by,
    CASE WHEN achieved_tflop_per_s > peak_tflop_per_s THEN 'over 100 % of peak' END AS finding,
    concat_ws(
        '; ',
        nullif(tag_faults(
            tags,
            [
                'batch_size', 'batch', 'data_parallel_size', 'dp', 'tensor_parallel_size', 'tp',
                'pipeline_parallel_size', 'pp'
            ],
            ['flop_per_token']
        ), ''),
        CASE WHEN sized_by IS NULL AND tags['flop_per_token'] IS NULL
             THEN 'flop_per_token of the model not given' END,
        CASE WHEN element_bytes IS NULL
             THEN coalesce(
                 'no number of bits in weight_dtype: ' || coalesce(tags['weight_dtype'], $weight_dtype),
                 'weight_dtype of the model not given'
             ) END,
        no_elbow,
        CASE WHEN is_unclear THEN 'an elbow by eye fits several curves: name its own by the tag sweep' END
    ) AS remark
FROM rates
JOIN ends USING (curve)
LEFT JOIN elbows(points) USING (curve)
LEFT JOIN by_eye USING (curve)
ORDER BY sweep, gpu, config, input_len
