-- What is the value of any ncu counter, kernel by kernel?
--
-- @of     traces
-- @unites trace
-- @param  metric VARCHAR         name, pattern or label: dram__bytes_write.sum, Waves Per SM
-- @param  kernel VARCHAR = '*'   kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics
-- @column trace VARCHAR          name of the trace
-- @column kernel_id BIGINT       the workload, see kernels
-- @column kernel VARCHAR         kernel name
-- @column path VARCHAR           NVTX path in the default domain; NULL outside any range
-- @column metric VARCHAR         NVIDIA's name
-- @column label VARCHAR          what ncu's pages call it; NULL if no section of the report shows it
-- @column unit VARCHAR           as reported
-- @column value DOUBLE           NULL when the report holds no value
-- @column text VARCHAR           value of a text metric
-- @chart  scatter x=kernel y=value y_name=metric y_unit=unit
-- @empty  Which metrics there are: traceql sql "SELECT DISTINCT metric FROM metrics"; a new one: ncu
-- @empty  --metrics NAME.

SELECT
    traces.trace,
    kernels.kernel_id,
    called AS kernel,
    path,
    metric,
    label,
    unit,
    value,
    value_text AS text
FROM metrics
JOIN chosen_traces($trace) AS traces USING (trace_id)
JOIN kernels USING (kernel_id)
LEFT JOIN kernels_called($names, $kernel) AS named
    ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
LEFT JOIN range_paths ON range_paths.kernel_id = kernels.kernel_id AND domain = ''
WHERE (is_like(metric, $metric) OR is_like(label, $metric)) AND is_asked
ORDER BY trace, kernel_id, metric
