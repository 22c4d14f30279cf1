-- The steps behind warm-up that have work on a GPU, as step_summary finds them, by thread (nsys).
-- @once   page
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column process_id BIGINT    process, see processes
-- @column range VARCHAR        its text, numbers as *; NULL if kernels tell it
-- @column gpu_start_ns BIGINT  start of its first operation
-- @column gpu_end_ns BIGINT    end of its last one

SELECT
    trace_id,
    process_id,
    text_pattern(range) AS range,
    gpu_start_ns,
    gpu_start_ns + gpu_span_ns AS gpu_end_ns
FROM steps_with_work(NULL, NULL, 'thread')
WHERE gpu_start_ns IS NOT NULL AND NOT is_warm_up
