-- How do two ncu counters relate, kernel by kernel?
--
-- @of     traces
-- @unites trace
-- @param  x VARCHAR             name of a metric, for example dram__bytes_read.sum
-- @param  y VARCHAR             name of another, for example gpu__time_duration.sum
-- @param  kernel VARCHAR = '*'  kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics
-- @column trace VARCHAR         name of the trace
-- @column kernel_id BIGINT      the workload, see kernels
-- @column kernel VARCHAR        kernel name
-- @column path VARCHAR          NVTX path in the default domain; NULL outside any range
-- @column x_metric VARCHAR      first metric
-- @column x_unit VARCHAR        its unit, as reported
-- @column x_value DOUBLE        its value; NULL when the report holds none
-- @column y_metric VARCHAR      second metric
-- @column y_unit VARCHAR        its unit, as reported
-- @column y_value DOUBLE        its value; NULL when the report holds none
-- @chart  scatter x=x_value y=y_value color=kernel x_name=x_metric x_unit=x_unit
--         y_name=y_metric y_unit=y_unit
-- @empty  No workload has both. Which metrics there are: traceql sql "SELECT DISTINCT metric FROM metrics".

SELECT
    traces.trace,
    kernels.kernel_id,
    called AS kernel,
    path,
    x.metric AS x_metric,
    x.unit AS x_unit,
    x.value AS x_value,
    y.metric AS y_metric,
    y.unit AS y_unit,
    y.value AS y_value
FROM metrics AS x
JOIN metrics AS y USING (kernel_id)
JOIN kernels USING (kernel_id)
JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id
LEFT JOIN kernels_called($names, $kernel) AS named
    ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
LEFT JOIN range_paths ON range_paths.kernel_id = kernels.kernel_id AND domain = ''
WHERE x.metric = $x AND y.metric = $y AND is_asked
ORDER BY trace, kernel_id
