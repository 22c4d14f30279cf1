-- Of exports the version that exported was given as the one that recorded, and traces whose profiler says
-- nothing about lost events as complete; any adapter of the machine was a GPU where no ordinal was known. A
-- natural join took names that other tables have as well for the same.
-- What is said about the machine was not stored, and of some tables nothing.

SELECT traces.* EXCLUDE (is_export, unstored, name, kind, duration_ns) REPLACE (
    CASE WHEN is_export THEN NULL ELSE tool_version END AS tool_version,
    CASE WHEN is_export AND tool_version IS NOT NULL
         THEN json_merge_patch(coalesce(settings, '{}'), json_object('exported_by', tool_version))
         ELSE settings END AS settings,
    CASE WHEN has_timeline AND complete AND heard.trace_id IS NULL THEN NULL ELSE complete END AS complete,
    CASE WHEN able.names IS NOT NULL THEN able.names ELSE gpu END AS gpu,
    list_concat(missing, [one FOR one IN unstored IF NOT list_contains(missing, one)]) AS missing
), traces.name AS trace, kind AS profiler, duration_ns AS trace_duration_ns, NULL::VARCHAR AS driver_version,
    NULL::VARCHAR AS cuda_version, NULL::VARCHAR AS cpu, NULL::INTEGER AS cpu_cores, NULL::BIGINT AS time_shift_ns,
    [one || ' (not stored by an older traceql)' FOR one IN unstored] AS unread
FROM (
    SELECT
        *,
        starts_with(format, 'nsys-') AND format <> 'nsys-rep' AS is_export,
        if(has_timeline, ['memory_events'], [])
            || if(
                has_counters,
                ['metric_instances', 'sass_instructions', 'focus_metrics', 'source_markers', 'launch_stacks'],
                []
            ) AS unstored
    FROM old.traces
) AS traces
LEFT JOIN (SELECT DISTINCT trace_id FROM old.diagnostics) AS heard ON heard.trace_id = traces.trace_id
LEFT JOIN (
    SELECT
        trace_id,
        string_agg(DISTINCT name, ', ' ORDER BY name)
            FILTER (coalesce(compute_capability, '') NOT IN ('', '0.0')) AS names
    FROM old.gpus
    GROUP BY trace_id
    HAVING count(device_id) = 0
) AS able ON able.trace_id = traces.trace_id
