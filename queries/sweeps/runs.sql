-- Which numbers were measured outside the profilers?
--
-- One row per run and metric; repetitions are summarised.
-- @param  sweep VARCHAR = NULL        only this sweep
-- @param  metric VARCHAR = '%'        name or pattern of the metric
-- @needs  run_metrics
-- @column sweep VARCHAR               label of the imported file
-- @column position BIGINT             place of the run in the file
-- @column gpu VARCHAR                 GPU in gpu_specs; NULL if it is not known
-- @column tags MAP(VARCHAR, VARCHAR)  what the run was
-- @column metric VARCHAR              name
-- @column unit VARCHAR                unit
-- @column samples BIGINT              numbers, without those that were nan
-- @column avg DOUBLE                  mean
-- @column min DOUBLE                  smallest
-- @column max DOUBLE                  largest
-- @empty  Which sweeps there are: traceql sql "SELECT DISTINCT sweep FROM runs"

SELECT
    sweep,
    position,
    gpu,
    tags,
    metric,
    unit,
    count(value) AS samples,
    avg(value) AS avg,
    min(value) AS min,
    max(value) AS max
FROM runs
JOIN run_metrics USING (run_id)
WHERE is_asked_for(sweep, $sweep) AND is_like(metric, $metric)
GROUP BY sweep, position, gpu, tags, metric, unit
ORDER BY sweep, position, metric, unit
