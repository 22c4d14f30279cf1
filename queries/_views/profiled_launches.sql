-- Where each workload that ncu profiled stands: which launch of its kernel it is, and the ranges around it.
--
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the launch, see kernels
-- @column kernel VARCHAR    distinct name of its kernel, see the view kernel_names
-- @column launch BIGINT     number among those of its kernel in the trace, from 1 on
-- @column launches BIGINT   how many these are
-- @column path VARCHAR      innermost push/pop range around it, behind those around that; NULL outside any

SELECT
    kernels.trace_id,
    trace,
    kernels.kernel_id,
    group_name AS kernel,
    row_number() OVER (PARTITION BY kernels.trace_id, group_name ORDER BY kernels.kernel_id) AS launch,
    count(*) OVER (PARTITION BY kernels.trace_id, group_name) AS launches,
    path
FROM profiled_as('kernel', 'distinct', '*', '') AS groups
JOIN kernels USING (kernel_id)
JOIN traces USING (trace_id)
-- Of several domains the first one: the default domain, where it has a range.
LEFT JOIN (SELECT kernel_id, arg_min(path, domain) AS path FROM range_paths GROUP BY kernel_id) AS paths
    USING (kernel_id)
