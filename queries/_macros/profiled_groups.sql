-- Groups of profiled workloads, each once: how many, their time, and of how many something was not recorded.
--
-- `FROM profiled_groups(workloads, measured, 'pipes', '--section …') AS groups
--     LEFT JOIN parts USING (group_key)`. Columns: trace, group_name, launch_id, group_key (see profiled_as),
-- kernels, gpu_ns, lacks.
-- @param  workloads TABLE  trace, group_name, launch_id, group_key, kernel_id, duration_ns of each workload
-- @param  measured TABLE   kernel_id of those that were measured, as often as may be
-- @param  what VARCHAR     what was measured, as people call it
-- @param  option VARCHAR   of ncu that records it

SELECT
    trace,
    group_name,
    launch_id,
    group_key,
    count(*) AS kernels,
    sum(duration_ns)::BIGINT AS gpu_ns,
    lacking(what, measured_id, option) AS lacks
FROM query_table(workloads)
LEFT JOIN (
    SELECT DISTINCT kernel_id, kernel_id AS measured_id FROM query_table(measured)
) USING (kernel_id)
GROUP BY trace, group_name, launch_id, group_key
