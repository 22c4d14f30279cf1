-- Were two traces, or two groups of traces, recorded alike, so that their numbers can be compared?
--
-- One row per fact about the recording: GPU, clocks, profiler and its settings, and the tags that say what
-- ran. Ask before diff.
-- @param  baseline VARCHAR[]  trace before the change
-- @param  variant VARCHAR[]   trace after it
-- @needs  kernels|api_calls|memory_ops|nvtx_ranges
-- @column property VARCHAR    what is compared
-- @column baseline VARCHAR    its values before; NULL if no trace says
-- @column variant VARCHAR     its values after
-- @column verdict VARCHAR     same, differs or unknown (some trace does not say)
-- @column meaning VARCHAR     what it does to the numbers; NULL where it is the same

WITH chosen AS (
    FROM compared_traces($baseline, $variant)
),
spans AS (
    SELECT trace_id, gpu_id, min(start_ns) AS first_ns, max(end_ns) AS last_ns
    FROM kernels
    SEMI JOIN chosen USING (trace_id)
    GROUP BY trace_id, gpu_id
),
-- A trace that does not tell one of them says nothing of all.
used_gpus AS (
    SELECT gpus.*, first_ns, last_ns
    FROM gpus
    JOIN spans USING (trace_id, gpu_id)
    WHERE trace_id NOT IN (SELECT trace_id FROM spans ANTI JOIN gpus USING (trace_id, gpu_id))
),
devices AS (
    SELECT
        trace_id,
        string_agg(DISTINCT sm_count::VARCHAR, ', ' ORDER BY sm_count::VARCHAR) AS sm_count,
        string_agg(DISTINCT clock, ', ' ORDER BY clock) AS highest_clock
    FROM (SELECT *, format('{:.0f} MHz', sm_clock_hz / 1e6) AS clock FROM used_gpus)
    GROUP BY trace_id
),
clocks AS (
    SELECT trace_id, avg(value) AS clock_hz
    FROM metrics
    WHERE metric = 'gpc__cycles_elapsed.avg.per_second'
    GROUP BY trace_id
    UNION ALL
    -- Between the first kernel and the last: before and after, the GPU saves power.
    SELECT gpu_samples.trace_id, 1e6 * avg(value)
    FROM gpu_samples
    JOIN used_gpus ON used_gpus.trace_id = gpu_samples.trace_id AND used_gpus.gpu_id = gpu_samples.gpu_id
    WHERE metric = 'GPC Clock Frequency' AND unit = 'MHz' AND time_ns BETWEEN first_ns AND last_ns
    GROUP BY gpu_samples.trace_id
),
-- How many SMs launches may use, where some may not use all of their GPU's.
launched AS (
    SELECT trace_id, array_to_string(list_sort(list_distinct(list(value::BIGINT))), ', ') AS sm_count
    FROM metrics
    JOIN chosen USING (trace_id)
    WHERE metric = 'launch__sm_count'
    GROUP BY trace_id
),
facts AS (
    SELECT side, trace_id, unnest([
        {'property': 'profiler', 'value': profiler},
        {'property': 'tool_version', 'value': tool_version},
        {'property': 'gpu', 'value': gpu},
        {'property': 'sm_count', 'value': sm_count},
        {'property': 'highest_sm_clock', 'value': highest_clock},
        {'property': 'complete', 'value': complete::VARCHAR}
    ], recursive := true)
    FROM chosen
    LEFT JOIN devices USING (trace_id)
    UNION ALL
    SELECT side, trace_id, 'launch_sm_count', launched.sm_count
    FROM chosen
    LEFT JOIN launched USING (trace_id)
    WHERE EXISTS (FROM partial_launches SEMI JOIN chosen USING (trace_id))
    UNION ALL
    SELECT side, trace_id, 'setting: ' || key, settings ->> key
    FROM (SELECT side, trace_id, settings, unnest(json_keys(settings)) AS key FROM chosen)
    WHERE key NOT IN ('export_schema', 'exported_by')
    UNION ALL
    SELECT side, trace_id, 'tag: ' || entry.key, entry.value
    FROM (SELECT side, trace_id, unnest(map_entries(tags)) AS entry FROM chosen)
    -- That is what the trace is for, not what ran.
    WHERE entry.key <> 'baseline'
    UNION ALL
    SELECT side, trace_id, 'tags', NULL FROM chosen WHERE (SELECT bool_and(cardinality(tags) = 0) FROM chosen)
),
judged AS (
    SELECT
        property,
        string_agg(DISTINCT value, ', ' ORDER BY value) FILTER (side = 'baseline') AS baseline,
        string_agg(DISTINCT value, ', ' ORDER BY value) FILTER (side = 'variant') AS variant,
        CASE WHEN count(DISTINCT value) > 1 THEN 'differs'
             WHEN count(value) < (SELECT count(*) FROM chosen) THEN 'unknown'
             WHEN property = 'complete' AND any_value(value) = 'false' THEN 'unknown'
             ELSE 'same' END AS verdict
    FROM facts
    GROUP BY property
    UNION ALL
    -- Clocks are never equal to the hertz: 2 % apart is the same.
    SELECT
        'measured_sm_clock',
        format('{:.0f} MHz', avg(clock_hz) FILTER (side = 'baseline') / 1e6),
        format('{:.0f} MHz', avg(clock_hz) FILTER (side = 'variant') / 1e6),
        CASE WHEN count(clock_hz) < count(*) THEN 'unknown'
             WHEN max(clock_hz) > 1.02 * min(clock_hz) THEN 'differs'
             ELSE 'same' END
    FROM chosen
    LEFT JOIN clocks USING (trace_id)
)
SELECT
    property,
    baseline,
    variant,
    verdict,
    CASE WHEN verdict <> 'same' THEN
        CASE property
            WHEN 'profiler'
                THEN 'ncu runs kernels alone and repeatedly: only counters_on_timeline joins the two'
            WHEN 'tool_version'
                THEN 'counters can change between versions; an export does not say which recorded'
            WHEN 'gpu' THEN 'times and counters differ with the GPU, whatever else changed'
            WHEN 'sm_count' THEN 'times and counters differ with the size of the GPU'
            WHEN 'launch_sm_count' THEN 'times and counters differ with the SMs that a launch may use'
            WHEN 'highest_sm_clock' THEN 'times differ with the clock'
            WHEN 'measured_sm_clock' THEN CASE verdict
                WHEN 'differs' THEN 'times differ with the clock'
                ELSE 'times differ with the clock; recorded by '
                    || 'ncu --metrics gpc__cycles_elapsed.avg.per_second, '
                    || 'nsys profile --gpu-metrics-devices=all' END
            WHEN 'complete'
                THEN CASE
                    WHEN verdict = 'unknown' AND NOT contains(concat(baseline, variant), 'false')
                        THEN 'not every trace says whether events are missing'
                    ELSE 'the profiler says that events may be missing: counts and sums could be too small'
                END
            WHEN 'tags' THEN 'nothing says what ran: traceql ingest --tag model=… --tag batch=…'
            WHEN 'setting: clock_control'
                THEN 'base locks the clocks, none lets them move: times differ for that alone'
            WHEN 'setting: cache_control'
                THEN 'all flushes caches before kernels: DRAM bytes differ for that alone'
            WHEN 'setting: cuda_graph_trace'
                THEN 'kernels of graphs that are traced as a whole are in no count'
            WHEN 'setting: graph_profiling'
                THEN 'kernels of graphs that are profiled as a whole are in no count'
            ELSE CASE WHEN verdict = 'unknown' THEN 'not every trace says'
                      WHEN property LIKE 'tag: %' THEN 'what was changed on purpose, or another workload'
                      ELSE 'recorded with other options' END
        END
    END AS meaning
FROM judged
ORDER BY
    list_position(
        [
            'profiler', 'tool_version', 'gpu', 'sm_count', 'launch_sm_count', 'highest_sm_clock',
            'measured_sm_clock', 'complete'
        ],
        property
    ) NULLS LAST,
    property
