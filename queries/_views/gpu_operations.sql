-- Everything that ran on a GPU, in one table: kernels, copies, memsets and whole CUDA graphs (nsys).
--
-- A trace recorded with --cuda-graph-trace=graph holds one row per graph execution and none of its kernels.
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column kind VARCHAR           kernel, memcpy, memset or graph
-- @column operation_id BIGINT    kernel_id, memory_op_id or graph_launch_id; unique within one kind
-- @column operation VARCHAR      function name of a kernel; else a label such as [CUDA memcpy Host-to-Device]
-- @column full_name VARCHAR      full C++ name of a kernel; else the same label
-- @column start_ns BIGINT        start on the GPU
-- @column end_ns BIGINT          end on the GPU
-- @column duration_ns BIGINT     time on the GPU
-- @column bytes BIGINT           bytes moved or set; NULL for kernels and graphs
-- @column gpu_id INTEGER         the GPU itself, see gpus; the ordinal where the report does not map it
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column context_id BIGINT      CUDA context
-- @column stream_id BIGINT       CUDA stream
-- @column process_id BIGINT      process, see processes
-- @column pid BIGINT             process, as its own container numbers it
-- @column correlation_id BIGINT  links to the API call; unique within one process only
-- @column api_call_id BIGINT     the API call that launched it; NULL if not recorded
-- @column range_id BIGINT        innermost push/pop range around the start of that call; NULL outside any
-- @column graph_node_id BIGINT   CUDA graph node; NULL outside graphs, and of whole graphs

WITH operations AS (
    SELECT
        kernels.trace_id,
        'kernel' AS kind,
        kernel_id AS operation_id,
        kernels.name AS operation,
        coalesce(demangled, kernels.name) AS full_name,
        start_ns,
        end_ns,
        kernels.duration_ns,
        NULL::BIGINT AS bytes,
        gpu_id,
        device_id,
        context_id,
        stream_id,
        process_id,
        pid,
        correlation_id,
        api_call_id,
        range_id,
        graph_node_id
    FROM kernels
    -- Workloads of ncu have no place on a timeline.
    WHERE start_ns IS NOT NULL
    UNION ALL
    SELECT
        trace_id,
        kind,
        memory_op_id,
        '[CUDA ' || concat_ws(' ', kind, copy_kind) || ']',
        '[CUDA ' || concat_ws(' ', kind, copy_kind) || ']',
        start_ns,
        end_ns,
        duration_ns,
        bytes,
        gpu_id,
        device_id,
        context_id,
        stream_id,
        process_id,
        pid,
        correlation_id,
        api_call_id,
        range_id,
        graph_node_id
    FROM memory_ops
    UNION ALL
    SELECT
        trace_id,
        'graph',
        graph_launch_id,
        '[CUDA graph ' || graph_id || ']',
        '[CUDA graph ' || graph_id || ']',
        start_ns,
        end_ns,
        duration_ns,
        NULL,
        gpu_id,
        device_id,
        context_id,
        stream_id,
        process_id,
        pid,
        correlation_id,
        api_call_id,
        range_id,
        NULL
    FROM graph_launches
)
SELECT trace_id, trace, operations.* EXCLUDE (trace_id)
FROM operations
JOIN traces USING (trace_id)
