-- When the steps of each process begin on each of its GPUs, end to end.
--
-- A step reaches from its first GPU operation to that of the next step. Of steps that begin together, the
-- last one has the time, and the others no row. Operations of no duration begin nothing.
--
-- Columns: trace_id, owner (the process), gpu_id, range (NULL if kernels tell the steps), step_start_ns,
-- step: 0 for the first of its process and GPU.
-- @param  wanted VARCHAR       text or pattern of the ranges that are steps; NULL to find them
-- @param  attribution VARCHAR  whose launches begin a step: thread or process

WITH named AS (
    FROM steps_of(wanted)
),
launched AS (
    SELECT api_call_id, range_id, trace_id, process_id, gpu_id, start_ns, end_ns FROM kernels
    UNION ALL
    SELECT api_call_id, range_id, trace_id, process_id, gpu_id, start_ns, end_ns FROM memory_ops
    UNION ALL
    SELECT api_call_id, range_id, trace_id, process_id, gpu_id, start_ns, end_ns FROM graph_launches
),
begun AS (
    SELECT
        work.trace_id,
        work.process_id,
        work.gpu_id,
        named.range_id,
        named.text AS range,
        min(work.start_ns) AS step_start_ns
    FROM work_in_ranges('named', 'launched', attribution) AS work
    JOIN named ON named.range_id = work.holder_id
    WHERE work.start_ns < work.end_ns
    GROUP BY ALL
    UNION ALL
    SELECT trace_id, process_id, gpu_id, NULL, NULL, gpu_start_ns FROM steps_of_kernels('named', wanted)
)
SELECT
    trace_id,
    process_id AS owner,
    gpu_id,
    range,
    step_start_ns,
    row_number() OVER (
        PARTITION BY trace_id, process_id, gpu_id ORDER BY step_start_ns, range_id
    ) - 1 AS step
FROM begun
QUALIFY step_start_ns IS DISTINCT FROM lead(step_start_ns) OVER (
    PARTITION BY trace_id, process_id, gpu_id ORDER BY step_start_ns, range_id
)
