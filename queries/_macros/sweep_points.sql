-- Times of runs by their size: a row for each sweep, GPU, configuration and size; repetitions are averaged.
--
-- Columns: sweep, gpu (the tag), spec (that GPU in gpu_specs), config (the other tags), tags, size, ms. Runs
-- that differ in nothing but numbered repetitions (tags repeat, run, seed) are one point, with the tags of
-- the first.
-- @param  question VARCHAR     name of the question, for its error
-- @param  size_tags VARCHAR[]  the two tags that may hold the size
-- @param  wanted VARCHAR       metric that is the time
-- @param  chosen VARCHAR       only this sweep; NULL for all
-- @param  chosen_gpu VARCHAR   only this GPU; NULL for all

WITH timed AS (
    SELECT
        runs.run_id,
        sweep,
        tags['gpu'] AS gpu,
        runs.gpu AS spec,
        tags,
        array_to_string(
            list_sort(list_transform(
                list_filter(
                    map_entries(tags),
                    lambda tag: NOT list_contains(list_append(size_tags, 'gpu'), tag.key)
                        AND NOT regexp_full_match(tag.key || tag.value, '(repeat|run|seed)\d+')
                ),
                lambda tag: tag.key || '=' || tag.value
            )),
            ', '
        ) AS config,
        tag_number(tags, size_tags[1], size_tags[2]) AS size,
        value * CASE unit
            WHEN 'ns' THEN 1e-6 WHEN 'us' THEN 1e-3 WHEN 'ms' THEN 1 WHEN 's' THEN 1e3
            ELSE error(
                question || ' needs a time, but the unit of ' || run_metrics.metric || ' is "' || unit || '"'
            )
        END AS ms
    FROM runs
    JOIN run_metrics USING (run_id)
    WHERE run_metrics.metric = wanted AND value IS NOT NULL
        AND is_asked_for(sweep, chosen) AND (chosen_gpu IS NULL OR chosen_gpu IN (tags['gpu'], runs.gpu))
)
SELECT sweep, gpu, spec, config, first(tags ORDER BY run_id) AS tags, size, avg(ms) AS ms
FROM timed
WHERE size > 0
GROUP BY sweep, gpu, spec, config, size
