-- What differs between two traces, or between two groups of repeated runs?
--
-- Timelines (nsys) are compared in total and by kernel, NVTX range, API function and kind of copy; profiled
-- launches (ncu) in total, by kernel and one by one, as the macro launch_keys aligns them. With several
-- traces on a side, baseline and variant are means over them, and delta has a 95 % confidence interval
-- (Welch's t); one run tells no spread. First ask comparable. Where a timeline has none of a kernel, call or
-- copy, that is 0; where a trace has no such range, launch or metric, it is NULL, for the work may be under
-- another name. So is the sum of a metric that not all its launches have.
-- @of     window
-- @param  baseline VARCHAR[]          trace before the change
-- @param  variant VARCHAR[]           trace after it
-- @param  topic VARCHAR = '*'         one or a pattern: trace, kernel, range, api_call, copy, launch
-- @param  metric VARCHAR[] = NULL     ncu metric to compare; else time, DRAM bytes and L2 sectors
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  kernels|api_calls|memory_ops|nvtx_ranges
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @column topic VARCHAR               trace (totals), kernel, range, api_call, copy or launch
-- @column path VARCHAR                NVTX path of a range or launch, layer of an API call; else NULL
-- @column name VARCHAR                of the kernel, function or copy; the range's domain; NULL for totals
-- @column process_number BIGINT       of a launch: 1 for the lowest pid on the device, 2 …; else NULL
-- @column device_id INTEGER           of a launch: CUDA device ordinal; else NULL
-- @column instance BIGINT             which of the launches of that name at that path; else NULL
-- @column measure VARCHAR             what is compared, with its unit, or the ncu metric
-- @column unit VARCHAR                of an ncu metric, as reported; else NULL
-- @column found_in VARCHAR            both, baseline only or variant only
-- @column baseline DOUBLE             before; the mean of several traces
-- @column variant DOUBLE              after
-- @column delta DOUBLE                variant minus baseline
-- @column delta_pct DOUBLE            in percent of the baseline
-- @column baseline_runs BIGINT        traces behind the baseline
-- @column variant_runs BIGINT         traces behind the variant
-- @column baseline_stddev DOUBLE      sample standard deviation over the traces; NULL for one
-- @column variant_stddev DOUBLE       the same of the variant
-- @column delta_low DOUBLE            lower end of the 95 % confidence interval of delta
-- @column delta_high DOUBLE           upper end; NULL unless both sides have several traces
-- @chart  dumbbell y=name a=baseline b=variant measure=measure topic=topic place=path
-- @empty  Nothing of that topic was recorded in either trace.

WITH chosen AS (
    SELECT side, trace_id, has_timeline, has_counters, missing FROM compared_traces($baseline, $variant)
),
timelines AS (
    SELECT DISTINCT trace_id FROM chosen WHERE has_timeline
),
profiles AS (
    SELECT DISTINCT trace_id FROM chosen WHERE has_counters
),
named AS (
    FROM kernels_called($names, '*')
),
covered AS (
    SELECT
        trace_id,
        kind,
        bytes,
        start_ns,
        end_ns,
        coalesce(
            busy_until(start_ns, end_ns, (kind, operation_id), (trace_id, gpu_id)), start_ns
        ) AS busy_until_ns
    FROM gpu_operations
    SEMI JOIN timelines USING (trace_id)
    WHERE is_like('trace', $topic)
),
totals AS (
    SELECT
        trace_id,
        [
            {'measure': 'kernels', 'value': count(*) FILTER (kind = 'kernel')},
            {'measure': 'kernel_ns', 'value': coalesce(sum(end_ns - start_ns) FILTER (kind = 'kernel'), 0)},
            {'measure': 'copies', 'value': count(*) FILTER (kind IN ('memcpy', 'memset'))},
            {
                'measure': 'copy_ns',
                'value': coalesce(sum(end_ns - start_ns) FILTER (kind IN ('memcpy', 'memset')), 0)
            },
            {'measure': 'copy_bytes', 'value': coalesce(sum(bytes), 0)},
            {'measure': 'graphs', 'value': count(*) FILTER (kind = 'graph')},
            {'measure': 'graph_ns', 'value': coalesce(sum(end_ns - start_ns) FILTER (kind = 'graph'), 0)},
            {'measure': 'gpu_busy_ns', 'value': sum(greatest(0, end_ns - greatest(start_ns, busy_until_ns)))},
            {'measure': 'gpu_idle_ns', 'value': sum(greatest(0, start_ns - busy_until_ns))},
            {'measure': 'gaps', 'value': count(*) FILTER (start_ns > busy_until_ns)},
            {
                'measure': 'longest_gap_ns',
                'value': max(start_ns - busy_until_ns) FILTER (start_ns > busy_until_ns)
            }
        ] AS pairs
    FROM covered
    GROUP BY trace_id
),
profiled AS (
    SELECT
        trace_id,
        [
            {'measure': 'kernels', 'value': count(*)},
            {'measure': 'kernel_ns', 'value': sum(duration_ns)}
        ] AS pairs
    FROM kernels
    SEMI JOIN profiles USING (trace_id)
    WHERE is_like('trace', $topic)
    GROUP BY trace_id
),
by_kernel AS (
    SELECT
        trace_id,
        called AS name,
        [
            {'measure': 'instances', 'value': count(*)},
            {'measure': 'total_ns', 'value': sum(duration_ns)},
            {'measure': 'avg_ns', 'value': avg(duration_ns)}
        ] AS pairs
    FROM kernels
    SEMI JOIN chosen USING (trace_id)
    LEFT JOIN named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    WHERE is_like('kernel', $topic)
    GROUP BY ALL
),
by_range AS (
    SELECT
        trace_id,
        path AS path,
        domain AS name,
        [
            {'measure': 'instances', 'value': count(*)},
            {'measure': 'total_ns', 'value': sum(duration_ns)},
            {'measure': 'gpu_operations', 'value': sum(gpu_operations)},
            {'measure': 'launches', 'value': sum(launches)},
            {'measure': 'gpu_busy_ns', 'value': sum(gpu_busy_ns)}
        ] AS pairs
    FROM nvtx_ranges
    SEMI JOIN timelines USING (trace_id)
    WHERE is_like('range', $topic) AND style <> 'mark'
    GROUP BY ALL
),
by_call AS (
    SELECT
        trace_id,
        layer AS path,
        name,
        [
            {'measure': 'calls', 'value': count(*)},
            {'measure': 'total_ns', 'value': sum(duration_ns)},
            {'measure': 'avg_ns', 'value': avg(duration_ns)}
        ] AS pairs
    FROM api_calls
    SEMI JOIN timelines USING (trace_id)
    WHERE is_like('api_call', $topic)
    GROUP BY ALL
),
by_copy AS (
    SELECT
        trace_id,
        concat_ws(' ', kind, copy_kind) AS name,
        [
            {'measure': 'instances', 'value': count(*)},
            {'measure': 'bytes', 'value': sum(bytes)},
            {'measure': 'total_ns', 'value': sum(duration_ns)}
        ] AS pairs
    FROM memory_ops
    SEMI JOIN timelines USING (trace_id)
    WHERE is_like('copy', $topic)
    GROUP BY ALL
),
listed AS (
    SELECT trace_id, 'trace' AS topic, NULL::BIGINT AS process_number, NULL::INTEGER AS device_id,
           NULL AS path, NULL AS name, NULL::BIGINT AS instance, pairs
    FROM (FROM totals UNION ALL FROM profiled)
    UNION ALL
    SELECT trace_id, 'kernel', NULL, NULL, NULL, name, NULL, pairs FROM by_kernel
    UNION ALL
    SELECT trace_id, 'range', NULL, NULL, path, name, NULL, pairs FROM by_range
    UNION ALL
    SELECT trace_id, 'api_call', NULL, NULL, path, name, NULL, pairs FROM by_call
    UNION ALL
    SELECT trace_id, 'copy', NULL, NULL, NULL, name, NULL, pairs FROM by_copy
),
counted AS (
    SELECT trace_id, kernel_id, NULL AS unit, unnest([
        {'measure': 'duration_ns', 'value': duration_ns::DOUBLE},
        {'measure': 'dram_read_bytes', 'value': dram_read_bytes},
        {'measure': 'dram_write_bytes', 'value': dram_write_bytes},
        {'measure': 'l2_read_sectors', 'value': l2_read_sectors},
        {'measure': 'l2_write_sectors', 'value': l2_write_sectors}
    ], recursive := true)
    FROM dram
    SEMI JOIN profiles USING (trace_id)
    WHERE $metric IS NULL
    UNION ALL
    SELECT trace_id, kernel_id, unit, metric, value
    FROM metrics
    SEMI JOIN profiles USING (trace_id)
    WHERE list_contains($metric, metric)
),
measured AS (
    SELECT trace_id, topic, process_number, device_id, path, name, instance, NULL AS unit,
           unnest(pairs, recursive := true)
    FROM listed
    UNION ALL
    SELECT counted.trace_id, 'launch', process_number, device_id, path, kernel, instance, unit, measure, value
    FROM counted
    JOIN launch_keys('named') AS keys USING (kernel_id)
    WHERE keys.trace_id IN (FROM profiles) AND is_like('launch', $topic)
    UNION ALL
    -- Of the metrics, only sums add up over launches, and that over some is not that over all; the time is
    -- there already.
    SELECT trace_id, level.topic, NULL, NULL, NULL, level.name, NULL, unit, measure,
           CASE WHEN count(value) = max(launches) THEN sum(value) END
    FROM counted
    JOIN (
        SELECT kernel_id, 'trace' AS topic, NULL AS name, count(*) OVER (PARTITION BY trace_id) AS launches
        FROM kernels
        UNION ALL
        SELECT kernel_id, 'kernel', called, count(*) OVER (PARTITION BY trace_id, called)
        FROM kernels
        LEFT JOIN named
            ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    ) AS level USING (kernel_id)
    WHERE is_like(level.topic, $topic) AND measure <> 'duration_ns'
        AND ($metric IS NULL OR measure LIKE '%.sum')
    GROUP BY ALL
),
-- Traces in which an absent kernel, call or copy did not happen. CUDA graphs as a whole hide kernels.
recorded AS (
    SELECT
        topic,
        count(*) FILTER (side = 'baseline') AS baseline_traces,
        count(*) FILTER (side = 'variant') AS variant_traces
    FROM chosen
    JOIN (VALUES ('kernel', 'kernels'), ('api_call', 'api_calls'), ('copy', 'memory_ops'))
        AS topics(topic, source)
        ON NOT list_contains(missing, source)
    WHERE has_timeline AND NOT (topic = 'kernel' AND trace_id IN (SELECT trace_id FROM graph_launches))
    GROUP BY topic
),
paired AS (
    SELECT
        topic, path, name, process_number, device_id, instance, measure,
        -- Reports tell values alike, whatever a version of ncu calls their unit.
        string_agg(DISTINCT unit, ', ' ORDER BY unit) AS unit,
        coalesce(list(value ORDER BY trace_id) FILTER (side = 'baseline' AND value IS NOT NULL), [])
            AS baseline_found,
        coalesce(list(value ORDER BY trace_id) FILTER (side = 'variant' AND value IS NOT NULL), [])
            AS variant_found,
        CASE count(DISTINCT side) WHEN 2 THEN 'both' ELSE any_value(side) || ' only' END AS found_in
    FROM measured
    JOIN chosen USING (trace_id)
    GROUP BY ALL
),
filled AS (
    SELECT
        paired.* EXCLUDE (baseline_found, variant_found),
        list_resize(baseline_found, greatest(len(baseline_found), baseline_traces), 0) AS baseline_values,
        list_resize(variant_found, greatest(len(variant_found), variant_traces), 0) AS variant_values
    FROM paired
    -- A mean over no launches is no number.
    LEFT JOIN recorded ON recorded.topic = paired.topic AND measure <> 'avg_ns'
),
averaged AS (
    SELECT
        *,
        list_avg(baseline_values) AS baseline,
        list_avg(variant_values) AS variant,
        len(baseline_values) AS baseline_runs,
        len(variant_values) AS variant_runs,
        list_stddev_samp(baseline_values) AS baseline_stddev,
        list_stddev_samp(variant_values) AS variant_stddev
    FROM filled
),
judged AS (
    SELECT
        *,
        variant - baseline AS delta,
        welch_half_width(baseline_stddev, baseline_runs, variant_stddev, variant_runs) AS half_width
    FROM averaged
)
SELECT
    topic,
    path,
    name,
    process_number,
    device_id,
    instance,
    measure,
    unit,
    found_in,
    baseline,
    variant,
    delta,
    percent(delta, baseline) AS delta_pct,
    baseline_runs,
    variant_runs,
    baseline_stddev,
    variant_stddev,
    delta - half_width AS delta_low,
    delta + half_width AS delta_high
FROM judged
ORDER BY
    list_position(['trace', 'kernel', 'range', 'api_call', 'copy', 'launch'], topic),
    -- Where the time went, first; ranges and launches stay in their order.
    CASE WHEN topic IN ('kernel', 'api_call', 'copy')
         THEN max(abs(delta)) FILTER (measure = 'total_ns') OVER (PARTITION BY topic, path, name) END
        DESC NULLS LAST,
    path,
    name,
    process_number,
    device_id,
    instance,
    measure
