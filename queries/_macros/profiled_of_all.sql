-- Profiled workloads of a kernel, each with the time of all workloads of its trace.
--
-- Columns: trace_id, group_name and launch_id as in profiled_as, kernel_id, duration_ns, trace_ns.
-- @param  grouping VARCHAR   kernel, launch or range
-- @param  names VARCHAR      short, full or distinct, see the view kernel_names
-- @param  pattern VARCHAR    of the kernels that are asked for
-- @param  of_domain VARCHAR  NVTX domain of the ranges; empty for the default one

WITH workloads AS (
    SELECT
        trace_id,
        group_name,
        launch_id,
        kernels.kernel_id,
        kernels.duration_ns,
        sum(duration_ns) OVER (PARTITION BY trace_id) AS trace_ns
    FROM profiled_as(grouping, names, '*', of_domain) AS groups
    JOIN kernels USING (kernel_id)
)
SELECT *
FROM workloads
SEMI JOIN profiled_as(grouping, names, pattern, of_domain) AS asked USING (kernel_id)
