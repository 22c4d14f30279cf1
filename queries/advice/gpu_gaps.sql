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
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: when each of them left it
--         alone
-- @param  graphs BOOLEAN = true   count whole CUDA graphs as GPU work; NVIDIA's rule takes them for idle time
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
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

WITH lanes AS (
    SELECT DISTINCT operations.trace_id, gpu_id, gpu_lane(operations.trace_id, gpu_id) AS lane
    FROM gpu_operations AS operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE $by = 'gpu' AND $graphs
),
-- A row without times stands for gaps that are only counted.
found AS (
    SELECT trace_id, gpu_id, 0::BIGINT AS owner, start_ns, end_ns - start_ns AS duration_ns, gaps
    FROM idle_times(lanes, $min_gap_ns, $limit, false)
    JOIN lanes USING (lane)
    UNION ALL
    SELECT trace_id, gpu_id, owner, busy_until_ns, start_ns - busy_until_ns, 1
    FROM operations_by_owner($trace, $by, $graphs)
    WHERE ($by = 'gpu' AND $graphs) IS NOT TRUE AND start_ns - busy_until_ns > $min_gap_ns
),
-- Few are listed, and found in one look at all: the longest of each lane, the first of equal ones, each as
-- one number.
counted AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        sum(gaps) AS gaps,
        CASE WHEN $limit BETWEEN 1 AND 1000
             THEN max(duration_ns * 18446744073709551616 + (9223372036854775807::HUGEINT - start_ns),
                      greatest(1, least($limit, 1000))) END AS longest
    FROM found
    GROUP BY trace_id, gpu_id, owner
),
candidates AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        (9223372036854775807 - number % 18446744073709551616)::BIGINT AS start_ns,
        (number // 18446744073709551616)::BIGINT AS duration_ns
    FROM (SELECT trace_id, gpu_id, owner, unnest(longest) AS number FROM counted)
    UNION ALL
    -- Without such a limit all are sorted.
    SELECT trace_id, gpu_id, owner, start_ns, duration_ns
    FROM found
    WHERE ($limit BETWEEN 1 AND 1000) IS NOT TRUE AND start_ns IS NOT NULL
),
-- Of operations that start together, the first one ends the gap.
ended AS (
    SELECT candidates.*, process_id, pid, device_id, kind, operation_id
    FROM candidates
    JOIN gpu_operations AS operations
        ON operations.trace_id = candidates.trace_id
        AND operations.gpu_id IS NOT DISTINCT FROM candidates.gpu_id
        AND operations.start_ns = candidates.start_ns + candidates.duration_ns
    WHERE lane_owner($by, process_id) IS NOT DISTINCT FROM owner AND counts_as_work(kind, $graphs)
    QUALIFY row_number() OVER (
        PARTITION BY candidates.trace_id, candidates.gpu_id, owner, candidates.start_ns
        ORDER BY coalesce(end_ns, operations.start_ns), operation_number(kind, operation_id)
    ) = 1
),
sums AS (
    SELECT trace_id, trace, sum(gaps)::BIGINT AS gaps
    FROM counted
    JOIN traces USING (trace_id)
    GROUP BY trace_id, trace
),
listed AS (
    SELECT ended.*, trace, gaps
    FROM ended
    JOIN sums USING (trace_id)
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
