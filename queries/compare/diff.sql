-- What differs between two traces, or between two groups of repeated runs?
--
-- Timelines (nsys) are compared in total and by kernel, NVTX range, API function and kind of copy; profiled
-- launches (ncu) in total, by kernel and one by one, as the view launches aligns them. With several traces on a
-- side, a and b are means over them, and delta has a 95 % confidence interval (Welch's t); one run tells no
-- spread. First ask comparable. Where a timeline has none of a kernel, call or copy, that is 0; where a trace
-- has no such range, launch or metric, it is NULL, for the work may be under another name.
-- @param  trace_a VARCHAR[]             trace before the change
-- @param  trace_b VARCHAR[]             trace after it
-- @param  topic VARCHAR = '%'           LIKE pattern: trace, kernel, range, api_call, copy, launch
-- @param  metric VARCHAR[] = NULL       ncu metric to compare; else time, DRAM bytes and L2 sectors
-- @param  full_names BOOLEAN = false    sum up kernels by their full C++ names
-- @needs  kernels|api_calls|memory_ops|nvtx_ranges
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @column topic VARCHAR                 trace (totals), kernel, range, api_call, copy or launch
-- @column place VARCHAR                 NVTX path of a range or launch, layer of an API call; else NULL
-- @column name VARCHAR                  of the kernel, function or copy; the range's domain; NULL for totals
-- @column process BIGINT                of a launch: 1 for the process with the lowest pid, 2 …; else NULL
-- @column device_id INTEGER             of a launch: CUDA device ordinal; else NULL
-- @column occurrence BIGINT             which of the launches of that name at that place; else NULL
-- @column measure VARCHAR               what is compared, with its unit, or the ncu metric
-- @column unit VARCHAR                  of an ncu metric, as reported; else NULL
-- @column found_in VARCHAR              both, a only or b only
-- @column a DOUBLE                      before; the mean of several traces
-- @column b DOUBLE                      after
-- @column delta DOUBLE                  b minus a
-- @column delta_pct DOUBLE              in percent of a
-- @column runs_a BIGINT                 traces behind a
-- @column runs_b BIGINT                 traces behind b
-- @column stddev_a DOUBLE               sample standard deviation over the traces; NULL for one
-- @column stddev_b DOUBLE               the same for b
-- @column delta_low DOUBLE              lower end of the 95 % confidence interval of delta
-- @column delta_high DOUBLE             upper end; NULL unless both sides have several traces
-- @chart  dumbbell y=name a=a b=b measure=measure topic=topic place=place
-- @empty  Nothing of that topic was recorded in either trace.

WITH chosen AS (
    SELECT 'a' AS side, trace_id, has_timeline, has_counters, missing FROM traces WHERE list_contains($trace_a, traces.name)
    UNION ALL
    SELECT 'b', trace_id, has_timeline, has_counters, missing FROM traces WHERE list_contains($trace_b, traces.name)
),
timelines AS (
    SELECT DISTINCT trace_id FROM chosen WHERE has_timeline
),
profiles AS (
    SELECT DISTINCT trace_id FROM chosen WHERE has_counters
),
-- The GPU is busy until the last of all operations so far ends, not only the one before.
covered AS (
    SELECT
        trace_id,
        work,
        bytes,
        start_ns,
        end_ns,
        coalesce(max(end_ns) OVER (
            PARTITION BY trace_id, pid, device_id ORDER BY start_ns
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), start_ns) AS busy_until_ns
    FROM gpu_work
    SEMI JOIN timelines USING (trace_id)
    WHERE 'trace' LIKE $topic
),
totals AS (
    SELECT
        trace_id,
        [
            {'measure': 'kernels', 'value': count(*) FILTER (work = 'kernel')},
            {'measure': 'kernel_ns', 'value': coalesce(sum(end_ns - start_ns) FILTER (work = 'kernel'), 0)},
            {'measure': 'copies', 'value': count(*) FILTER (work IN ('memcpy', 'memset'))},
            {'measure': 'copy_ns', 'value': coalesce(sum(end_ns - start_ns) FILTER (work IN ('memcpy', 'memset')), 0)},
            {'measure': 'copy_bytes', 'value': coalesce(sum(bytes), 0)},
            {'measure': 'graphs', 'value': count(*) FILTER (work = 'graph')},
            {'measure': 'graph_ns', 'value': coalesce(sum(end_ns - start_ns) FILTER (work = 'graph'), 0)},
            {'measure': 'gpu_busy_ns', 'value': sum(greatest(0, end_ns - greatest(start_ns, busy_until_ns)))},
            {'measure': 'gpu_idle_ns', 'value': sum(greatest(0, start_ns - busy_until_ns))},
            {'measure': 'gaps', 'value': count(*) FILTER (start_ns > busy_until_ns)},
            {'measure': 'longest_gap_ns', 'value': max(start_ns - busy_until_ns) FILTER (start_ns > busy_until_ns)}
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
    WHERE 'trace' LIKE $topic
    GROUP BY trace_id
),
by_kernel AS (
    SELECT
        trace_id,
        CASE WHEN $full_names THEN coalesce(demangled, name) ELSE name END AS name,
        [
            {'measure': 'launches', 'value': count(*)},
            {'measure': 'total_ns', 'value': sum(duration_ns)},
            {'measure': 'avg_ns', 'value': avg(duration_ns)}
        ] AS pairs
    FROM kernels
    SEMI JOIN chosen USING (trace_id)
    WHERE 'kernel' LIKE $topic
    GROUP BY ALL
),
by_range AS (
    SELECT
        trace_id,
        path AS place,
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
    WHERE 'range' LIKE $topic AND style <> 'mark'
    GROUP BY ALL
),
by_call AS (
    SELECT
        trace_id,
        layer AS place,
        name,
        [
            {'measure': 'calls', 'value': count(*)},
            {'measure': 'total_ns', 'value': sum(duration_ns)},
            {'measure': 'avg_ns', 'value': avg(duration_ns)}
        ] AS pairs
    FROM api_calls
    SEMI JOIN timelines USING (trace_id)
    WHERE 'api_call' LIKE $topic
    GROUP BY ALL
),
by_copy AS (
    SELECT
        trace_id,
        concat_ws(' ', operation, copy_kind) AS name,
        [
            {'measure': 'operations', 'value': count(*)},
            {'measure': 'bytes', 'value': sum(bytes)},
            {'measure': 'total_ns', 'value': sum(duration_ns)}
        ] AS pairs
    FROM memory_ops
    SEMI JOIN timelines USING (trace_id)
    WHERE 'copy' LIKE $topic
    GROUP BY ALL
),
listed AS (
    SELECT trace_id, 'trace' AS topic, NULL::BIGINT AS process, NULL::INTEGER AS device_id, NULL AS place, NULL AS name,
           NULL::BIGINT AS occurrence, pairs
    FROM (FROM totals UNION ALL FROM profiled)
    UNION ALL
    SELECT trace_id, 'kernel', NULL, NULL, NULL, name, NULL, pairs FROM by_kernel
    UNION ALL
    SELECT trace_id, 'range', NULL, NULL, place, name, NULL, pairs FROM by_range
    UNION ALL
    SELECT trace_id, 'api_call', NULL, NULL, place, name, NULL, pairs FROM by_call
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
    SELECT trace_id, topic, process, device_id, place, name, occurrence, NULL AS unit, unnest(pairs, recursive := true)
    FROM listed
    UNION ALL
    SELECT counted.trace_id, 'launch', process, device_id, place, name, occurrence, unit, measure, value
    FROM counted
    JOIN launches USING (kernel_id)
    WHERE launches.trace_id IN (FROM profiles) AND 'launch' LIKE $topic
    UNION ALL
    -- Of the metrics, only sums add up over launches; the time is there already.
    SELECT trace_id, level.topic, NULL, NULL, NULL, level.name, NULL, unit, measure, sum(value)
    FROM counted
    JOIN (
        SELECT kernel_id, 'trace' AS topic, NULL AS name FROM kernels
        UNION ALL
        SELECT kernel_id, 'kernel', CASE WHEN $full_names THEN coalesce(demangled, name) ELSE name END FROM kernels
    ) AS level USING (kernel_id)
    WHERE level.topic LIKE $topic AND measure <> 'duration_ns' AND ($metric IS NULL OR measure LIKE '%.sum')
    GROUP BY ALL
),
-- Traces in which an absent kernel, call or copy did not happen. CUDA graphs recorded as a whole hide kernels.
recorded AS (
    SELECT topic, count(*) FILTER (side = 'a') AS traces_a, count(*) FILTER (side = 'b') AS traces_b
    FROM chosen
    JOIN (VALUES ('kernel', 'kernels'), ('api_call', 'api_calls'), ('copy', 'memory_ops')) AS topics(topic, source)
        ON NOT list_contains(missing, source)
    WHERE has_timeline AND NOT (topic = 'kernel' AND trace_id IN (SELECT trace_id FROM graph_launches))
    GROUP BY topic
),
paired AS (
    SELECT
        topic, place, name, process, device_id, occurrence, measure, unit,
        coalesce(list(value ORDER BY trace_id) FILTER (side = 'a' AND value IS NOT NULL), []) AS found_a,
        coalesce(list(value ORDER BY trace_id) FILTER (side = 'b' AND value IS NOT NULL), []) AS found_b,
        CASE count(DISTINCT side) WHEN 2 THEN 'both' ELSE any_value(side) || ' only' END AS found_in
    FROM measured
    JOIN chosen USING (trace_id)
    GROUP BY ALL
),
filled AS (
    SELECT
        paired.* EXCLUDE (found_a, found_b),
        list_resize(found_a, greatest(len(found_a), traces_a), 0) AS values_a,
        list_resize(found_b, greatest(len(found_b), traces_b), 0) AS values_b
    FROM paired
    -- A mean over no launches is no number.
    LEFT JOIN recorded ON recorded.topic = paired.topic AND measure <> 'avg_ns'
),
averaged AS (
    SELECT
        *,
        list_avg(values_a) AS a,
        list_avg(values_b) AS b,
        len(values_a) AS runs_a,
        len(values_b) AS runs_b,
        list_stddev_samp(values_a) AS stddev_a,
        list_stddev_samp(values_b) AS stddev_b,
        stddev_a ** 2 / runs_a AS error_a,
        stddev_b ** 2 / runs_b AS error_b
    FROM filled
),
-- Welch, Biometrika 34 (1947): variances need not be equal.
judged AS (
    SELECT
        *,
        b - a AS delta,
        CASE WHEN error_a + error_b = 0 THEN 0 ELSE t * sqrt(error_a + error_b) END AS half_width
    FROM (
        SELECT
            *,
            round((error_a + error_b) ** 2 / (error_a ** 2 / (runs_a - 1) + error_b ** 2 / (runs_b - 1)), 6) AS welch
        FROM averaged
    )
    ASOF LEFT JOIN t_quantiles ON welch >= degrees_of_freedom
)
SELECT
    topic,
    place,
    name,
    process,
    device_id,
    occurrence,
    measure,
    unit,
    found_in,
    a,
    b,
    delta,
    100.0 * delta / nullif(a, 0) AS delta_pct,
    runs_a,
    runs_b,
    stddev_a,
    stddev_b,
    delta - half_width AS delta_low,
    delta + half_width AS delta_high
FROM judged
ORDER BY
    list_position(['trace', 'kernel', 'range', 'api_call', 'copy', 'launch'], topic),
    -- Where the time went, first; ranges and launches stay in their order.
    CASE WHEN topic IN ('kernel', 'api_call', 'copy')
         THEN max(abs(delta)) FILTER (measure = 'total_ns') OVER (PARTITION BY topic, place, name) END DESC NULLS LAST,
    place,
    name,
    process,
    device_id,
    occurrence,
    measure,
    unit
