-- Each kernel execution beside the API call that launched it and the NVTX range around that (nsys).
--
-- The link is process and correlation id together: the id alone repeats between processes. Names are those of
-- kernels and api_calls, with api_ before those of the call that both have.
-- @column trace_id BIGINT               the trace it belongs to, see traces
-- @column trace VARCHAR                 name of the trace
-- @column kernel_id BIGINT              the kernel, see kernels
-- @column kernel VARCHAR                function name without template arguments
-- @column demangled VARCHAR             full C++ name
-- @column start_ns BIGINT               start on the GPU
-- @column end_ns BIGINT                 end on the GPU
-- @column duration_ns BIGINT            time on the GPU
-- @column gpu_id INTEGER                the GPU, see gpus
-- @column device_id INTEGER             CUDA device ordinal within the process
-- @column context_id BIGINT             CUDA context
-- @column stream_id BIGINT              CUDA stream
-- @column grid_x BIGINT                 blocks in x
-- @column grid_y BIGINT                 blocks in y
-- @column grid_z BIGINT                 blocks in z
-- @column block_x BIGINT                threads per block in x
-- @column block_y BIGINT                threads per block in y
-- @column block_z BIGINT                threads per block in z
-- @column blocks BIGINT                 blocks of the grid
-- @column threads_per_block BIGINT      threads of a block
-- @column threads BIGINT                threads of the grid
-- @column registers_per_thread INTEGER  registers of each thread
-- @column static_shared_bytes BIGINT    static shared memory per block
-- @column dynamic_shared_bytes BIGINT   dynamic shared memory per block
-- @column executed_shared_bytes BIGINT  shared memory of an SM as the driver set it
-- @column local_memory_per_thread_bytes BIGINT  local memory of each thread
-- @column launch_type VARCHAR           Regular, Coop Single Device …
-- @column graph_node_id BIGINT          CUDA graph node; NULL outside graphs
-- @column capture_range_id BIGINT       range in which the graph node was captured, see graph_nodes
-- @column capture_range VARCHAR         its message
-- @column process_id BIGINT             process, see processes
-- @column pid BIGINT                    process, as its own container numbers it
-- @column tid BIGINT                    thread that launched it; NULL if the call was not recorded
-- @column range_id BIGINT               innermost push/pop range around the call's start; NULL outside any
-- @column range VARCHAR                 its message
-- @column path VARCHAR                  messages from the outermost range to this one, joined by /
-- @column correlation_id BIGINT         links kernel and call; unique within one process only
-- @column api_call_id BIGINT            the call, see api_calls; NULL if it was not recorded
-- @column api_correlation_id BIGINT     the same number, of the call; NULL if it was not recorded
-- @column function VARCHAR              function that launched it
-- @column api_start_ns BIGINT           start of the call
-- @column api_end_ns BIGINT             end of the call
-- @column api_duration_ns BIGINT        time in the call
-- @column queue_ns BIGINT               end of the call to start on the GPU; negative if it began before

SELECT
    kernels.trace_id,
    trace,
    kernel_id,
    kernels.name AS kernel,
    demangled,
    kernels.start_ns,
    kernels.end_ns,
    kernels.duration_ns,
    gpu_id,
    device_id,
    context_id,
    stream_id,
    grid_x,
    grid_y,
    grid_z,
    block_x,
    block_y,
    block_z,
    -- As far as 64 bits go: a damaged report may say anything.
    try_cast(grid_x::HUGEINT * grid_y * grid_z AS BIGINT) AS blocks,
    try_cast(block_x::HUGEINT * block_y * block_z AS BIGINT) AS threads_per_block,
    try_cast(blocks::HUGEINT * threads_per_block AS BIGINT) AS threads,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    executed_shared_bytes,
    local_memory_per_thread_bytes,
    launch_type,
    kernels.graph_node_id,
    capture_range_id,
    captured.text AS capture_range,
    kernels.process_id,
    kernels.pid,
    api_calls.tid,
    kernels.range_id,
    nvtx_ranges.text AS range,
    nvtx_ranges.path,
    kernels.correlation_id,
    kernels.api_call_id,
    api_calls.correlation_id AS api_correlation_id,
    api_calls.name AS function,
    api_calls.start_ns AS api_start_ns,
    api_calls.end_ns AS api_end_ns,
    api_calls.duration_ns AS api_duration_ns,
    kernels.start_ns - api_calls.end_ns AS queue_ns
FROM kernels
JOIN traces ON traces.trace_id = kernels.trace_id AND has_timeline
LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = kernels.range_id
LEFT JOIN graph_nodes
    ON graph_nodes.trace_id = kernels.trace_id
    AND graph_nodes.process_id = kernels.process_id
    AND graph_nodes.graph_node_id = kernels.graph_node_id
LEFT JOIN nvtx_ranges AS captured ON captured.range_id = capture_range_id
