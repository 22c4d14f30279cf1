-- Kernels that communicate between GPUs, with what is known about the message.
--
-- What communicates is said once, by the category communication of kernel_patterns: NCCL, NVSHMEM, DeepEP,
-- custom all-reduces, symmetric memory. The call of NCCL that launched a kernel tells the rest. Kernels of
-- grouped calls are launched together: of these is known what all calls of the group share, and the sizes'
-- sum where the group launched a single kernel.
-- @needs  kernels
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column kernel_id BIGINT       the kernel, see kernels
-- @column kernel VARCHAR         function name
-- @column full_name VARCHAR      full C++ name, or the function name where there is none
-- @column start_ns BIGINT        start on the GPU
-- @column end_ns BIGINT          end on the GPU
-- @column duration_ns BIGINT     time on the GPU
-- @column process_id BIGINT      process, see processes
-- @column pid BIGINT             process
-- @column gpu_id INTEGER         the GPU itself, see gpus; the ordinal where the report does not map it
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column stream_id BIGINT       CUDA stream
-- @column function VARCHAR       function of NCCL, of a group all of them; NULL if none was recorded
-- @column communicator VARCHAR   hash of NCCL's communicator, equal on all its ranks; NULL if not recorded
-- @column message_bytes BIGINT   size of the message; NULL if not recorded
-- @column reduction VARCHAR      Sum, Product, Max, Min, Avg …; NULL without one
-- @column root BIGINT            rank that sends or receives for all; NULL without one
-- @column peer BIGINT            rank at the other end; NULL without one, and of several

WITH communicating AS (
    SELECT kernels.*, full_name
    FROM kernels
    JOIN kernels_categorised ON full_name = coalesce(demangled, kernels.name, '')
    WHERE category = 'communication' AND start_ns IS NOT NULL
),
calls AS (
    SELECT * FROM communication_calls
),
launched AS (
    SELECT range_id, count(*) AS kernels FROM communicating GROUP BY range_id
),
groups AS (
    SELECT
        any_value(range_id) FILTER (ends_group) AS range_id,
        string_agg(DISTINCT function, ', ' ORDER BY function) FILTER (communicator IS NOT NULL) AS function,
        CASE WHEN count(DISTINCT communicator) = 1 THEN any_value(communicator) END AS communicator,
        sum(message_bytes)::BIGINT AS message_bytes,
        CASE WHEN count(DISTINCT reduction) = 1 THEN any_value(reduction) END AS reduction,
        CASE WHEN count(DISTINCT root) = 1 THEN any_value(root) END AS root,
        CASE WHEN count(DISTINCT peer) = 1 THEN any_value(peer) END AS peer
    FROM calls
    WHERE group_number IS NOT NULL
    GROUP BY trace_id, process_id, tid, group_number
),
told AS (
    SELECT range_id, function, communicator, message_bytes, reduction, root, peer
    FROM calls
    WHERE group_number IS NULL
    UNION ALL
    SELECT
        range_id,
        function,
        communicator,
        CASE WHEN kernels = 1 THEN message_bytes END,
        reduction,
        root,
        peer
    FROM groups
    JOIN launched USING (range_id)
)
SELECT
    communicating.trace_id,
    trace,
    kernel_id,
    communicating.name AS kernel,
    full_name,
    start_ns,
    end_ns,
    communicating.duration_ns,
    process_id,
    pid,
    gpu_id,
    device_id,
    stream_id,
    function,
    communicator,
    message_bytes,
    reduction,
    root,
    peer
FROM communicating
JOIN traces USING (trace_id)
LEFT JOIN told ON told.range_id = communicating.range_id
