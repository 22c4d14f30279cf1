-- One stretch of time in which a GPU had nothing to do, and the call that launched what ran next (nsys).
--
-- Whoever shares the GPU; between its first operation and its last one.
-- @once   page
-- @column trace_id BIGINT       the trace it belongs to, see traces
-- @column trace VARCHAR         name of the trace
-- @column gpu_id INTEGER        the GPU itself, see gpus; the ordinal where the report does not map it
-- @column process_id BIGINT     process of the operation after it, see processes
-- @column pid BIGINT            that process, as its own container numbers it
-- @column device_id INTEGER     CUDA device ordinal of that operation within the process
-- @column kind VARCHAR          kernel, memcpy, memset or graph: what ran after it
-- @column operation_id BIGINT   kernel_id, memory_op_id or graph_launch_id of that
-- @column start_ns BIGINT       end of the operations before it
-- @column end_ns BIGINT         start of the operation after it
-- @column duration_ns BIGINT    end minus start, at least 1
-- @column api_call_id BIGINT    the API call that launched the operation after it; NULL if not recorded
-- @column tid BIGINT            thread of that call
-- @column function VARCHAR      name of that call
-- @column call_start_ns BIGINT  when that call began
-- @column call_end_ns BIGINT    when that call returned

SELECT
    operations.trace_id,
    operations.trace,
    gpu_id,
    operations.process_id,
    operations.pid,
    device_id,
    kind,
    operation_id,
    busy_until_ns AS start_ns,
    operations.start_ns AS end_ns,
    operations.start_ns - busy_until_ns AS duration_ns,
    calls.api_call_id,
    tid,
    name AS function,
    calls.start_ns AS call_start_ns,
    calls.end_ns AS call_end_ns
FROM operations_in_order AS operations
LEFT JOIN api_calls AS calls USING (api_call_id)
WHERE operations.start_ns > busy_until_ns
