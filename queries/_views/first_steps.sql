-- When each process has started up: its first step behind warm-up (nsys).
--
-- Of processes in which nothing tells steps (steady_steps) there is none: what start-up is, nobody knows.
-- @once   page
-- @column trace_id BIGINT       the trace it belongs to, see traces
-- @column trace VARCHAR         name of the trace
-- @column process_id BIGINT     process, see processes
-- @column first_step_ns BIGINT  when that step is at work on a GPU first
-- @column first_step VARCHAR    its text, numbers as *; NULL if kernels tell it

SELECT
    trace_id,
    trace,
    process_id,
    min(gpu_start_ns) AS first_step_ns,
    arg_min_null(range, (gpu_start_ns, range)) AS first_step
FROM steady_steps
GROUP BY trace_id, trace, process_id
