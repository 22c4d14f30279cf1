-- When does a GPU sit idle?
--
-- NVIDIA's counterpart: nsys analyze and recipe gpu_gaps.
-- Times with no kernel, copy, memset or graph of any process, per GPU, between its first and its last
-- operation; longest first. NVIDIA's rule looks at each process by itself, as --by process does, and leaves
-- out what the profiler's own overhead explains.
-- Advice: cpu_bound_gaps says which of them the CPU caused.
-- @of     timeline
-- @unites trace
-- @counted gaps
-- @param  min_gap_ns BIGINT = 0   only gaps longer than this; NVIDIA's rule lists those of 500000000
-- @param  by VARCHAR = 'gpu'      gpu, whoever shares it, or process: when each of them left it alone
-- @param  graphs BOOLEAN = true   count whole CUDA graphs as GPU work; NVIDIA's rule takes them for idle time
-- @param  names VARCHAR = 'distinct'  short, full or distinct names, see the view kernel_names
-- @param  limit BIGINT = 50       gaps per trace; NULL for all
-- @needs  kernels timeline
-- @column trace VARCHAR           name of the trace
-- @column duration_ns BIGINT      length of the gap
-- @column start_ns BIGINT         end of the operation before it
-- @column pid BIGINT              process of the operation after it
-- @column gpu_id INTEGER          the GPU, see gpus
-- @column device_id INTEGER       CUDA device ordinal within the process
-- @column next_operation VARCHAR  what ran after it
-- @column gaps BIGINT             gaps of the trace longer than asked, those beyond the limit too
-- @chart  gaps x=start_ns y=duration_ns total=gaps
-- @section timeline 50 Gaps and launch overhead
-- @empty  Between its operations, no GPU is idle for longer than --min-gap-ns.

WITH found AS (
    SELECT
        trace_id,
        start_ns - busy_until_ns AS duration_ns,
        busy_until_ns AS start_ns,
        process_id,
        pid,
        gpu_id,
        device_id,
        kind,
        operation_id
    FROM operations_by_owner($trace, $by, $graphs)
    WHERE start_ns - busy_until_ns > $min_gap_ns
),
-- Those that cannot be listed are not sorted, and those that are listed are named: few.
counted AS (
    SELECT trace, trace_id, count(*) AS gaps, longest_listed(duration_ns, $limit) AS least_ns
    FROM found
    JOIN traces USING (trace_id)
    GROUP BY trace, trace_id
),
listed AS (
    SELECT found.*, trace, gaps
    FROM found
    JOIN counted USING (trace_id)
    WHERE duration_ns >= least_ns IS NOT false
    -- Two containers may have one pid.
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY duration_ns DESC, start_ns, gpu_id, pid, process_id),
        $limit
    )
)
SELECT
    trace,
    duration_ns,
    start_ns,
    pid,
    gpu_id,
    device_id,
    next_operation,
    gaps
FROM with_next_operation('listed', $names)
ORDER BY trace, duration_ns DESC, start_ns, gpu_id, pid, process_id
