-- How does decoding scale with the batch size?
--
-- Runs with a batch size (tag batch_size or batch) and a time per step; those that differ in any other
-- tag are kept apart (column config), repetitions are averaged. A metric of a whole run (latency, e2e,
-- elapsed, duration) is divided by the tokens that a sequence got (tag output_len); prefill is then part
-- of it. The floor is the time to read the weights once, spread over the GPUs of tensor parallelism (tag
-- tensor_parallel_size or tp), so utilisation beyond batch 1, where the KV cache is read too, is a lower
-- bound. The weights' size is the tag weight_bytes, else the parameter; runs that have neither and name
-- no model are taken for Llama-3.1-8B (8e9 weights), those of another model have no floor. The empirical
-- ridge is where two straight lines meet: the time of the smallest batch, and the line through the two
-- largest batches. There is none where the curve is flat or falls, that is unless time = c + b · max(0,
-- batch − E) beats a constant beyond noise (see the macro elbows), nor where it rises from the first
-- point on. Of three batch sizes, time has to double, and the middle one be 10 % under a straight line.
-- The theoretical ridge is peak ÷ bandwidth × bytes per weight ÷ 2: a step does 2 FLOP for each weight
-- and sequence.
-- @param  sweep VARCHAR = NULL             only this sweep
-- @param  gpu VARCHAR = NULL               only runs on it: the tag gpu, or the name in gpu_specs
-- @param  metric VARCHAR = 'ms_per_token'  the time of one step, or of a whole run
-- @param  weight_bytes DOUBLE = NULL       size of the model, where no tag weight_bytes gives it
-- @param  precision VARCHAR = 'bf16'       precision of the peak
-- @param  weight_dtype VARCHAR = NULL      type of the weights, where no tag gives it; by default the peak's
-- @needs  run_metrics
-- @column sweep VARCHAR                    label of the imported file
-- @column gpu VARCHAR                      tag gpu
-- @column config VARCHAR                   the other tags
-- @column gpus BIGINT                      GPUs that share the weights of a step; NULL if a tag is no number
-- @column batch_size BIGINT                sequences
-- @column ms_per_token DOUBLE              time of one step
-- @column tokens_per_s DOUBLE              batch size ÷ time
-- @column growth_pct DOUBLE                time against batch 1; NULL without one
-- @column floor_ms DOUBLE                  weights ÷ DRAM bandwidth of these GPUs; NULL if not known
-- @column hbm_utilisation_pct DOUBLE       floor ÷ time
-- @column sized_by VARCHAR                 what tells its size: tag, parameter, or Llama-3.1-8B
-- @column finding VARCHAR                  set where the time is under the floor
-- @column remark VARCHAR                   why a number is NULL
-- @column empirical_ridge_batch DOUBLE     where the two lines meet; NULL without a flat part and a bend
-- @column ridge_flop_per_byte DOUBLE       theoretical ridge point
-- @column ridge_batch DOUBLE               the batch size at which products with the weights reach it
-- @note   SELECT format('No model is named and no weight_bytes given for {}: taken for Llama-3.1-8B',
-- @note   string_agg(DISTINCT sweep, ', ' ORDER BY sweep))
-- @note   FROM answer WHERE sized_by LIKE '%assumed' HAVING count(*) > 0
-- @note   UNION ALL
-- @note   FROM (SELECT DISTINCT format('{} ({})', remark, concat_ws(', ', sweep, gpu)) AS note
-- @note   FROM answer WHERE remark <> '' ORDER BY note)
-- @chart  sweep x=batch_size y=ms_per_token color=gpu file=sweep config=config
--         ridge=ridge_batch elbow=empirical_ridge_batch finding=finding
-- @empty  No run has a batch size and that metric. Which there are: traceql query runs

WITH measured AS (
    SELECT
        * EXCLUDE (size, ms),
        size AS batch_size,
        regexp_matches(lower($metric), 'latency|e2e|elapsed|duration')
            AND NOT regexp_matches(lower($metric), 'token|step|iteration|per_') AS is_whole_run,
        CASE WHEN NOT is_whole_run THEN 1
             WHEN coalesce(tags['output_len'], tags['output_length']) IS NOT NULL
             THEN tag_count(tags, 'output_len', 'output_length') END AS steps,
        ms / steps AS ms_per_token,
        tag_count(tags, 'tensor_parallel_size', 'tp') AS gpus,
        weight_element_bytes(tags, $weight_dtype, $precision) AS element_bytes,
        CASE WHEN tag_amount(tags, 'weight_bytes') IS NOT NULL THEN 'tag'
             WHEN tags['weight_bytes'] IS NOT NULL THEN NULL
             WHEN $weight_bytes IS NOT NULL THEN 'parameter'
             WHEN element_bytes IS NOT NULL THEN model_of_runs(tags) END AS sized_by,
        CASE WHEN sized_by = 'tag' THEN tag_amount(tags, 'weight_bytes')
             WHEN sized_by = 'parameter' THEN $weight_bytes
             WHEN sized_by IS NOT NULL THEN 8e9 * element_bytes END AS weight_bytes
    FROM sweep_points('decode_sweep', ['batch_size', 'batch'], $metric, $sweep, $gpu)
),
numbered AS (
    SELECT *, dense_rank() OVER (ORDER BY sweep, gpu, config) AS curve FROM measured
),
ends AS (
    SELECT
        curve,
        count(*) AS sizes,
        min(batch_size) AS smallest,
        max(batch_size) AS largest,
        min_by(ms_per_token, batch_size) AS flat_ms,
        nullif(max(ms_per_token) FILTER (batch_size = 1), 0) AS batch_1_ms,
        max_by(ms_per_token, batch_size, 2) AS last_ms,
        max_by(batch_size, batch_size, 2) AS last_batches,
        (last_ms[1] - last_ms[2]) / (last_batches[1] - last_batches[2]) AS ms_per_sequence,
        CASE WHEN ms_per_sequence > 0 THEN last_batches[2] - (last_ms[2] - flat_ms) / ms_per_sequence END
            AS crossing,
        -- Of three points: the middle one is hardly under the line through the others.
        last_ms[2] >= 0.9 * (
            flat_ms + (last_ms[1] - flat_ms) * (last_batches[2] - smallest) / (largest - smallest)
        ) AS is_straight
    FROM numbered
    WHERE ms_per_token IS NOT NULL
    GROUP BY curve
),
points AS (
    SELECT curve, batch_size AS x, ms_per_token AS y FROM numbered WHERE ms_per_token IS NOT NULL
),
bends AS (
    SELECT
        curve,
        batch_1_ms,
        CASE WHEN sizes < 3 THEN 'no elbow: fewer than three batch sizes'
             WHEN sizes = 3 AND last_ms[1] < 2 * flat_ms
             THEN 'no elbow: of three times, the last has to double'
             WHEN sizes > 3 AND no_elbow IS NOT NULL THEN no_elbow
             WHEN sizes = 3 AND is_straight OR crossing <= smallest
             THEN 'no elbow: rises from the first point on'
             WHEN crossing BETWEEN smallest AND largest THEN NULL
             ELSE 'no elbow: the two lines do not meet within the sweep' END AS no_ridge,
        CASE WHEN no_ridge IS NULL THEN crossing END AS empirical_ridge_batch
    FROM ends
    JOIN (SELECT curve, no_elbow FROM elbows(points)) USING (curve)
),
placed AS (
    SELECT
        *,
        1e3 * weight_bytes / (gpus * memory_bandwidth_bytes_per_s) AS floor_ms,
        peak_flop_per_s[$precision] / memory_bandwidth_bytes_per_s AS ridge_flop_per_byte
    FROM numbered
    LEFT JOIN bends USING (curve)
    LEFT JOIN gpu_specs ON gpu_specs.gpu = spec
)
SELECT
    sweep,
    gpu,
    config,
    gpus,
    batch_size,
    ms_per_token,
    1e3 * batch_size / nullif(ms_per_token, 0) AS tokens_per_s,
    100 * (ms_per_token / batch_1_ms - 1) AS growth_pct,
    floor_ms,
    percent(floor_ms, ms_per_token) AS hbm_utilisation_pct,
    sized_by,
    CASE WHEN floor_ms > ms_per_token THEN 'under the floor' END AS finding,
    concat_ws(
        '; ',
        CASE WHEN ms_per_token IS NULL
             THEN $metric || ' is of a whole run, and no tag output_len tells its tokens' END,
        nullif(tag_faults(
            tags,
            ['tensor_parallel_size', 'tp']
                || CASE WHEN is_whole_run THEN ['output_len', 'output_length'] ELSE [] END,
            ['weight_bytes']
        ), ''),
        CASE WHEN sized_by IS NULL AND tags['weight_bytes'] IS NULL
             THEN 'weight_bytes of the model not given' END,
        CASE WHEN element_bytes IS NULL
             THEN coalesce(
                 'no number of bits in weight_dtype: ' || coalesce(tags['weight_dtype'], $weight_dtype),
                 'weight_dtype of the model not given'
             ) END,
        no_ridge
    ) AS remark,
    empirical_ridge_batch,
    ridge_flop_per_byte,
    ridge_flop_per_byte * element_bytes / 2 AS ridge_batch
FROM placed
ORDER BY sweep, gpu, config, batch_size
