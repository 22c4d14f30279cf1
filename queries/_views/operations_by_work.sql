-- Each operation on a GPU with the kind of its work: communication, compute or memory.
--
-- What communicates is said by the category communication of kernel_patterns. What a CUDA graph that was
-- traced as a whole holds is not known: it counts as computation.
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column kind VARCHAR         kernel, memcpy, memset or graph
-- @column operation_id BIGINT  kernel_id, memory_op_id or graph_launch_id; unique within one kind
-- @column gpu_id INTEGER       the GPU itself, see gpus; the ordinal where the report does not map it
-- @column process_id BIGINT    process, see processes
-- @column pid BIGINT           process
-- @column device_id INTEGER    CUDA device ordinal within the process
-- @column start_ns BIGINT      start on the GPU
-- @column end_ns BIGINT        end on the GPU
-- @column work VARCHAR         communication, compute or memory

SELECT
    trace_id,
    trace,
    kind,
    operation_id,
    gpu_id,
    process_id,
    pid,
    device_id,
    start_ns,
    end_ns,
    CASE WHEN kind IN ('memcpy', 'memset') THEN 'memory'
         WHEN kind = 'kernel' AND category = 'communication' THEN 'communication'
         ELSE 'compute' END AS work
FROM gpu_operations
LEFT JOIN kernels_categorised ON kernels_categorised.full_name = coalesce(gpu_operations.full_name, '')
    AND kind = 'kernel'
