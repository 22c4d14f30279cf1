-- Each operation on a GPU, and until when those before it kept that GPU busy (nsys).
--
-- Whoever shares the GPU. What ended before it started is recorded wrongly, and no time at work.
-- @once   page
-- @column trace_id BIGINT       the trace it belongs to, see traces
-- @column trace VARCHAR         name of the trace
-- @column gpu_id INTEGER        the GPU itself, see gpus; the ordinal where the report does not map it
-- @column process_id BIGINT     process, see processes
-- @column pid BIGINT            process, as its own container numbers it
-- @column device_id INTEGER     CUDA device ordinal within the process
-- @column kind VARCHAR          kernel, memcpy, memset or graph
-- @column operation_id BIGINT   kernel_id, memory_op_id or graph_launch_id; unique within one kind
-- @column api_call_id BIGINT    the API call that launched it; NULL if not recorded
-- @column start_ns BIGINT       start on the GPU
-- @column end_ns BIGINT         end on the GPU, not before its start
-- @column busy_until_ns BIGINT  until when the GPU was busy with all that began before; NULL for its first

WITH operations AS (
    SELECT
        * EXCLUDE (end_ns),
        coalesce(end_ns, start_ns) AS end_ns,
        operation_number(kind, operation_id) AS number
    FROM gpu_operations
    SEMI JOIN asked_traces USING (trace_id)
)
SELECT
    trace_id,
    trace,
    gpu_id,
    process_id,
    pid,
    device_id,
    kind,
    operation_id,
    api_call_id,
    start_ns,
    end_ns,
    busy_until_ns
FROM in_turn('operations')
