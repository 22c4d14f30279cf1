-- How much communication is exposed, how much hidden, and what else does each GPU do?
--
-- From its first operation to the end of its last one, those of no duration aside. Each moment counts once,
-- whatever runs at the same time: the five parts add up to the span. What communicates, kernel_patterns says;
-- what a CUDA graph that was traced as a whole holds is not known, and counts as computation.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: what each of them does
-- @needs  kernels timeline
-- @column trace VARCHAR          name of the trace
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column pid BIGINT             process; NULL where several share the GPU
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column span_ns BIGINT         from the first operation to the end of the last one
-- @column exposed_ns BIGINT      communication without computation
-- @column overlapped_ns BIGINT   communication beside computation
-- @column compute_ns BIGINT      computation without communication
-- @column memory_ns BIGINT       only copies and memsets
-- @column idle_ns BIGINT         nothing
-- @column exposed_pct DOUBLE     exposed communication in percent of the span
-- @column hidden_pct DOUBLE      overlapped communication in percent of all communication; NULL without any
-- @column graph_launches BIGINT  CUDA graphs traced as a whole
-- @chart  bars x=gpu_id y=exposed_ns
-- @section job 40 Communication
-- @note   SELECT format('{}: whole CUDA graphs count as computation: their kernels are not recorded', trace)
-- @note   FROM answer GROUP BY trace HAVING sum(graph_launches) > 0 ORDER BY trace

WITH operations AS NOT MATERIALIZED (
    SELECT operations_by_work.*, lane_owner($by, process_id) AS owner
    FROM operations_by_work
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
states AS (
    SELECT trace, states.* EXCLUDE (trace_id)
    FROM gpu_states(operations) AS states
    JOIN traces USING (trace_id)
),
users AS (
    SELECT
        trace,
        gpu_id,
        owner,
        of_one(pid, process_id) AS pid,
        of_one(device_id, device_id) AS device_id,
        count_if(kind = 'graph')::BIGINT AS graph_launches
    FROM operations
    GROUP BY trace, gpu_id, owner
)
SELECT
    users.trace,
    users.gpu_id,
    pid,
    device_id,
    span_ns,
    exposed_ns,
    overlapped_ns,
    compute_ns,
    memory_ns,
    idle_ns,
    exposed_pct,
    hidden_pct,
    graph_launches
FROM state_sums(states) AS sums
JOIN users
    ON users.trace = sums.trace AND users.gpu_id IS NOT DISTINCT FROM sums.gpu_id
    AND users.owner = sums.owner
ORDER BY users.trace, users.gpu_id, users.owner
