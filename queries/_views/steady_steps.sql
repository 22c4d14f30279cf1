-- The steps behind warm-up that have work on a GPU, as step_summary finds them, by thread (nsys).
--
-- Of a process with fewer than three of them that do less than a third of what it does from the first one on,
-- there are none: what comes twice may be no step, and all before it no start-up.
-- @once   page
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column process_id BIGINT    process, see processes
-- @column range VARCHAR        its text, numbers as *; NULL if kernels tell it
-- @column gpu_start_ns BIGINT  start of its first operation
-- @column gpu_end_ns BIGINT    end of its last one
-- @column first_step_ns BIGINT  when the first one of its process is at work first: until then it starts up
-- @column first_step VARCHAR   text of that one, as range

WITH steps AS MATERIALIZED (
    SELECT
        trace_id,
        trace,
        process_id,
        text_pattern(range) AS range,
        gpu_start_ns,
        gpu_span_ns,
        gpu_operations
    FROM steps_with_work(NULL, NULL, 'thread')
    WHERE gpu_start_ns IS NOT NULL AND NOT is_warm_up
),
few AS (
    SELECT trace_id, process_id, min(gpu_start_ns) AS first_ns, sum(gpu_operations) AS operations
    FROM steps
    GROUP BY trace_id, process_id
    HAVING count(*) < 3
),
doubtful AS (
    SELECT trace_id, process_id
    FROM few
    JOIN gpu_operations USING (trace_id, process_id)
    WHERE start_ns >= first_ns
    GROUP BY trace_id, process_id, operations
    HAVING count(*) > 3 * operations
)
SELECT
    trace_id,
    trace,
    process_id,
    range,
    gpu_start_ns,
    gpu_start_ns + gpu_span_ns AS gpu_end_ns,
    min(gpu_start_ns) OVER of_process AS first_step_ns,
    arg_min_null(range, (gpu_start_ns, range)) OVER of_process AS first_step
FROM steps
ANTI JOIN doubtful USING (trace_id, process_id)
WINDOW of_process AS (PARTITION BY trace_id, process_id)
