-- How do sampled counters change over time: of NVTX, network cards, the power and metrics of GPUs?
--
-- The time is cut into equal parts (rounded up to whole nanoseconds). Of each part in which a counter was
-- sampled there is a row: parts without a sample have none.
-- @of     times
-- @unites trace
-- @param  metric VARCHAR = '*'  name or pattern of the metric
-- @param  source VARCHAR = '*'  gpu (metrics of GPUs), nvml, nvtx, nic … or a pattern of it
-- @param  parts BIGINT = 400    equal parts of the time
-- @needs  gpu_samples|counter_samples
-- @column trace VARCHAR         name of the trace
-- @column source VARCHAR        what sampled it
-- @column device VARCHAR        what is counted, as the report names it; NULL where it does not
-- @column gpu_id INTEGER        the GPU, see gpus; NULL where it is of none, or not told
-- @column metric VARCHAR        what is measured
-- @column unit VARCHAR          of the values
-- @column time_ns BIGINT        where the part begins, from the trace's start
-- @column samples BIGINT        samples in it
-- @column avg DOUBLE            their mean
-- @column min DOUBLE            lowest
-- @column max DOUBLE            highest
-- @chart  lines x=time_ns y=avg color=metric apart=device panel=unit y_unit=unit
-- @note   SELECT below_zero(list(DISTINCT metric ORDER BY metric))
--         FROM answer WHERE source = 'gpu' AND min < 0 HAVING count(*) > 0
-- @empty  No counter of that name was sampled: --metric takes patterns, and sampled-counters lists all.

WITH chosen AS (
    SELECT sampled_counters.*
    FROM sampled_counters
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(metric, $metric) AND is_like(source, $source) AND value IS NOT NULL AND time_ns >= 0
),
widths AS (
    SELECT
        trace_id,
        coalesce(any_value(looked_at.since_ns), min(time_ns)) AS first_ns,
        -- A report without a recorded length ends with its last sample.
        greatest((coalesce(any_value(until_ns), max(time_ns) + 1) - first_ns + $parts - 1) // $parts, 1)
            AS part_ns
    FROM chosen
    JOIN looked_at USING (trace_id)
    GROUP BY trace_id
)
SELECT
    trace,
    source,
    device,
    gpu_id,
    metric,
    unit,
    first_ns + (time_ns - first_ns) // part_ns * part_ns AS time_ns,
    count(*) AS samples,
    avg(value) AS avg,
    min(value) AS min,
    max(value) AS max
FROM chosen
JOIN widths USING (trace_id)
GROUP BY trace, source, device, gpu_id, metric, unit, first_ns + (time_ns - first_ns) // part_ns * part_ns
ORDER BY trace, source, metric, device, gpu_id, unit, time_ns
