-- What each profiled workload counts for in an answer: its kernel, itself, or the NVTX range around it.
--
-- `JOIN profiled_as($by, $names, $kernel, $domain) AS groups USING (kernel_id)`. Columns: kernel_id,
-- group_name, launch_id (the kernel_id where every workload stands for itself), group_key (both with the
-- trace: never NULL, to join groups by).
-- @param  grouping VARCHAR   kernel, launch or range
-- @param  names VARCHAR      short, full or distinct, see the view kernel_names
-- @param  pattern VARCHAR    of the kernels that are asked for; * for all
-- @param  of_domain VARCHAR  NVTX domain of the ranges; empty for the default one

SELECT
    kernel_id,
    group_name,
    launch_id,
    {'trace_id': trace_id, 'group_name': group_name, 'launch_id': launch_id} AS group_key
FROM (
    SELECT
        kernels.trace_id,
        kernels.kernel_id,
        CASE grouping WHEN 'range' THEN path WHEN 'kernel' THEN called WHEN 'launch' THEN called
            ELSE error('by must be kernel, launch or range') END AS group_name,
        CASE grouping WHEN 'launch' THEN kernels.kernel_id END AS launch_id
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND has_counters
    LEFT JOIN kernels_called(names, pattern) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    LEFT JOIN range_paths
        ON grouping = 'range' AND range_paths.kernel_id = kernels.kernel_id AND range_paths.domain = of_domain
    WHERE coalesce(is_asked, pattern = '*')
)
