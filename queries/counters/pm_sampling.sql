-- How do counters change while a kernel runs?
--
-- What ncu samples over time (its page "PM Sampling"): a value is of the time from its moment to the next
-- one. Time counts from the start of the kernel. ncu runs a kernel once for each few counters, and times of
-- different passes differ by how long each took. Reports of before 2025 do not tell when the kernel started:
-- there time counts from the first sample, and the first ones are of before the kernel.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  metric VARCHAR = '*throughput.avg.pct_of_peak_sustained_elapsed'  name or pattern of the metric
-- @param  around BOOLEAN = false      also samples before and after the kernel
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 1            launches of each trace, the longest first; NULL for all
-- @needs  metric_instances
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              kernel name
-- @column kernel_id BIGINT            the launch, see kernels
-- @column metric VARCHAR              what is measured, by NVIDIA's name
-- @column counter VARCHAR             the same, without the group of counters that it was sampled in
-- @column unit VARCHAR                of the values
-- @column time_ns BIGINT              when the sample began, from the start of the kernel
-- @column value DOUBLE                of the time until the next sample; NULL if it is none
-- @column since VARCHAR               kernel, or sample: what time counts from
-- @empty  What samples counters over time: ncu --section PmSampling, or --set full.
-- @chart  lines x=time_ns y=value color=counter apart=kernel_id panel=kernel y_unit=unit
-- @section counters 59.5 Samples | drawn

WITH launches AS (
    SELECT traces.trace, group_name AS kernel, kernel_id, duration_ns
    FROM profiled_as('launch', $names, $kernel, '') AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE kernel_id IN (
        SELECT kernel_id FROM metric_instances WHERE instance_metric = 'profiler__pmsampler_pass_groups'
    )
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY traces.trace ORDER BY duration_ns DESC NULLS LAST, kernel_id), $limit
    )
),
-- Which counters each pass sampled, and when the kernel ran in it.
sampled AS (
    SELECT kernel_id, instance_id AS pass, unnest(string_split(instance_text, ',')) AS metric
    FROM metric_instances
    JOIN launches USING (kernel_id)
    WHERE instance_metric = 'profiler__pmsampler_pass_groups'
),
runs AS (
    SELECT
        kernel_id,
        regexp_extract(instance_metric, '\d+$')::BIGINT AS pass,
        max(instance_id) FILTER (contains(instance_metric, '_start_')) AS start_ns,
        max(instance_id) FILTER (contains(instance_metric, '_end_')) AS end_ns
    FROM metric_instances
    JOIN launches USING (kernel_id)
    WHERE starts_with(instance_metric, 'profiler__timestamp_workload_')
    GROUP BY ALL
),
samples AS (
    SELECT
        sampled.kernel_id,
        metric,
        instance_id AS time_ns,
        instance_value AS value,
        start_ns,
        end_ns,
        min(instance_id) OVER of_counter AS first_ns,
        lead(instance_id) OVER (of_counter ORDER BY instance_id) AS until_ns
    FROM sampled
    JOIN metric_instances
        ON metric_instances.kernel_id = sampled.kernel_id AND instance_metric = metric
    LEFT JOIN runs ON runs.kernel_id = sampled.kernel_id AND runs.pass = sampled.pass
    -- The first one stands for all time before, at no moment.
    WHERE is_like(metric, $metric) AND instance_id > 0
    WINDOW of_counter AS (PARTITION BY sampled.kernel_id, metric)
)
SELECT
    trace,
    kernel,
    kernel_id,
    metric,
    regexp_replace(metric, '^(pmsampling:|\w+\.Triage\w*\.)', '') AS counter,
    unit,
    time_ns - coalesce(start_ns, first_ns) AS time_ns,
    samples.value,
    CASE WHEN start_ns IS NULL THEN 'sample' ELSE 'kernel' END AS since
FROM samples
JOIN launches USING (kernel_id)
LEFT JOIN metrics USING (kernel_id, metric)
WHERE $around OR start_ns IS NULL OR (time_ns < end_ns AND coalesce(until_ns, time_ns) > start_ns)
ORDER BY trace, duration_ns DESC NULLS LAST, kernel_id, metric, time_ns
