-- Which copies make the CPU wait, and could run beside kernels?
--
-- From or to pageable memory an asynchronous copy goes through a staging buffer, and its call waits; a call
-- without Async waits always.
-- saving_ns: the copies' time on the GPU, an upper bound: beside kernels they cost nothing, but for
-- bandwidth. What is copied before the first step behind warm-up (weights) is start-up, and no such copy.
-- @of     timeline
-- @unites trace
-- @once   question
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @asks   pageable cuda_memcpy_async limit=NULL
-- @asks   synchronous cuda_memcpy_sync limit=NULL
-- @says   pageable_copies Copying from or to pageable memory takes {copy_ns} ({copies|copy|copies} of
--         {copied_bytes}, at {copied_bytes_per_s}), and the CPU waits for it.
-- @try    pageable_copies Pin the host's memory (pin_memory(), cudaMallocHost) and copy with
--         non_blocking=True.
-- @says   synchronous_copies Copying by calls that wait ({functions}) takes {copy_ns}
--         ({copies|copy|copies} of {copied_bytes}).
-- @try    synchronous_copies Call the function of the same name with Async, on a stream, with pinned memory.
-- @proof  synchronous_copies cuda_memcpy_sync limit=NULL

WITH waiting AS (
    SELECT 'pageable_copies' AS code, trace, memory_op_id, duration_ns, start_ns, bytes, function
    FROM pageable
    UNION ALL
    SELECT 'synchronous_copies', trace, memory_op_id, duration_ns, start_ns, bytes, function
    FROM synchronous
),
copies AS (
    SELECT waiting.*, trace_id, process_id
    FROM waiting
    JOIN (SELECT memory_op_id, trace_id, process_id FROM memory_ops) AS owners USING (memory_op_id)
),
found AS (
    SELECT
        trace,
        code,
        count(*) AS copies,
        sum(bytes) AS copied_bytes,
        sum(bytes) FILTER (duration_ns IS NOT NULL) AS timed_bytes,
        sum(duration_ns)::BIGINT AS copy_ns,
        min(start_ns) AS start_ns,
        max(start_ns + duration_ns) AS end_ns,
        string_agg(DISTINCT function, ', ' ORDER BY function) AS functions
    FROM behind_start_up('copies')
    GROUP BY trace, code
)
SELECT
    trace,
    code,
    severity_of(copy_ns, whole_ns) AS severity,
    copy_ns AS saving_ns,
    percent(copy_ns, whole_ns) AS saving_pct,
    MAP {
        'copies': copies::DOUBLE,
        'copied_bytes': copied_bytes::DOUBLE,
        'copy_ns': copy_ns::DOUBLE,
        'copied_bytes_per_s': per_second(timed_bytes, copy_ns)
    } AS numbers,
    MAP {'functions': functions} AS texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace, saving_ns DESC, code
