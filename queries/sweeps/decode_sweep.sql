-- How does decoding scale with the batch size?
--
-- Runs with a batch size (tag batch_size or batch) and a time per step and token; those that differ in any
-- other tag are kept apart (column config), repetitions are averaged. The floor is the time to read the
-- weights once, so utilisation beyond batch 1, where the KV cache is read too, is a lower bound. The
-- empirical ridge is where two straight lines meet: the time of the smallest batch, and the line through the
-- two largest batches. The theoretical one is peak ÷ bandwidth, because a decode step does about one FLOP per
-- byte and sequence in 16-bit precision.
-- @param  sweep VARCHAR = NULL             only this sweep
-- @param  gpu VARCHAR = NULL               only runs on it: the tag gpu, or the name in gpu_specs
-- @param  metric VARCHAR = 'ms_per_token'  the time of one step
-- @param  weight_bytes DOUBLE = 16e9       size of the model, where no tag weight_bytes gives it
-- @param  precision VARCHAR = 'bf16'       precision of the peak
-- @needs  run_metrics
-- @column sweep VARCHAR                    label of the imported file
-- @column gpu VARCHAR                      tag gpu
-- @column config VARCHAR                   the other tags
-- @column batch_size BIGINT                sequences
-- @column ms_per_token DOUBLE              time of one step
-- @column tokens_per_s DOUBLE              batch size ÷ time
-- @column growth_pct DOUBLE                time against batch 1; NULL without one
-- @column floor_ms DOUBLE                  weights ÷ DRAM bandwidth of one GPU; NULL if the GPU is not known
-- @column hbm_utilisation_pct DOUBLE       floor ÷ time
-- @column finding VARCHAR                  set where the time is under the floor
-- @column empirical_ridge_batch DOUBLE     where the two lines meet; NULL where not within the sweep
-- @column ridge_flop_per_byte DOUBLE       theoretical ridge point
-- @chart  sweep x=batch_size y=ms_per_token color=gpu ridge=ridge_flop_per_byte elbow=empirical_ridge_batch
-- @empty  No run has a batch size and that metric. Which there are: traceql query runs

WITH measured AS (
    SELECT
        sweep,
        tags['gpu'] AS gpu,
        runs.gpu AS spec,
        array_to_string(
            list_sort(list_transform(
                list_filter(
                    map_entries(tags), lambda tag: tag.key NOT IN ('gpu', 'batch_size', 'batch')
                ),
                lambda tag: tag.key || '=' || tag.value
            )),
            ', '
        ) AS config,
        try_cast(coalesce(tags['batch_size'], tags['batch']) AS BIGINT) AS batch_size,
        coalesce(try_cast(tags['weight_bytes'] AS DOUBLE), $weight_bytes) AS weight_bytes,
        avg(value * CASE unit
            WHEN 'ns' THEN 1e-6 WHEN 'us' THEN 1e-3 WHEN 'ms' THEN 1 WHEN 's' THEN 1e3
            ELSE error(
                'decode_sweep needs a time, but the unit of ' || run_metrics.metric || ' is "' || unit || '"'
            )
        END) AS ms_per_token
    FROM runs
    JOIN run_metrics USING (run_id)
    WHERE run_metrics.metric = $metric AND value IS NOT NULL
        AND is_asked_for(sweep, $sweep) AND ($gpu IS NULL OR $gpu IN (tags['gpu'], runs.gpu))
    GROUP BY ALL
),
sized AS (
    FROM measured WHERE batch_size > 0
),
ends AS (
    SELECT
        sweep,
        gpu,
        config,
        min(batch_size) AS smallest,
        max(batch_size) AS largest,
        min_by(ms_per_token, batch_size) AS flat_ms,
        max(ms_per_token) FILTER (batch_size = 1) AS batch_1_ms,
        max_by(ms_per_token, batch_size, 2) AS last_ms,
        max_by(batch_size, batch_size, 2) AS last_batches
    FROM sized
    GROUP BY sweep, gpu, config
),
slopes AS (
    SELECT
        *,
        CASE WHEN len(last_batches) = 2 AND last_batches[2] > smallest
            THEN (last_ms[1] - last_ms[2]) / (last_batches[1] - last_batches[2])
        END AS ms_per_sequence
    FROM ends
),
crossings AS (
    SELECT
        sweep,
        gpu,
        config,
        batch_1_ms,
        smallest,
        largest,
        CASE WHEN ms_per_sequence > 0
            THEN last_batches[2] - (last_ms[2] - flat_ms) / ms_per_sequence
        END AS crossing
    FROM slopes
)
SELECT
    sized.sweep,
    sized.gpu,
    sized.config,
    sized.batch_size,
    sized.ms_per_token,
    1e3 * batch_size / ms_per_token AS tokens_per_s,
    100 * (ms_per_token / batch_1_ms - 1) AS growth_pct,
    1e3 * weight_bytes / memory_bandwidth_bytes_per_s AS floor_ms,
    1e5 * weight_bytes / memory_bandwidth_bytes_per_s / ms_per_token AS hbm_utilisation_pct,
    CASE WHEN 1e3 * weight_bytes / memory_bandwidth_bytes_per_s > ms_per_token
         THEN 'under the floor' END AS finding,
    CASE WHEN crossing BETWEEN smallest AND largest THEN crossing END AS empirical_ridge_batch,
    peak_flop_per_s[$precision] / memory_bandwidth_bytes_per_s AS ridge_flop_per_byte
FROM sized
JOIN crossings
    ON crossings.sweep = sized.sweep
    AND crossings.gpu IS NOT DISTINCT FROM sized.gpu
    AND crossings.config IS NOT DISTINCT FROM sized.config
LEFT JOIN gpu_specs ON gpu_specs.gpu = sized.spec
ORDER BY sized.sweep, sized.gpu, sized.config, batch_size
