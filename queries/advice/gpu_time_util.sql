-- When is a GPU mostly idle?
--
-- NVIDIA's counterpart: nsys analyze and recipe gpu_time_util.
-- The time from the first to the last operation of each GPU, cut into equal chunks; chunks in use for less
-- than the threshold are listed, neighbours joined. Operations that run at the same time count twice, so a
-- chunk can be in use for more than 100 %. NVIDIA's rule looks at each process by itself, as --by process
-- does, and also counts the profiler's own overhead.
-- @of     timeline
-- @unites trace
-- @param  threshold_pct DOUBLE = 50  list chunks below this use; the default is NVIDIA's
-- @param  chunks BIGINT = 30     chunks per GPU; the default is NVIDIA's
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: what each of them uses
-- @param  graphs BOOLEAN = true  count whole CUDA graphs as GPU work; NVIDIA's rule takes them for idle time
-- @param  limit BIGINT = 50      rows per trace; NULL for all
-- @needs  kernels timeline
-- @column trace VARCHAR          name of the trace
-- @column in_use_pct DOUBLE      operation time ÷ time
-- @column duration_ns BIGINT     length
-- @column start_ns BIGINT        start
-- @column pid BIGINT             process; NULL where several share the GPU
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @chart  bars x=start_ns y=in_use_pct
-- @empty  No chunk is below the threshold: the GPUs are in use.

WITH operations AS (
    SELECT
        trace_id,
        gpu_id,
        lane_owner($by, process_id) AS owner,
        process_id,
        pid,
        device_id,
        start_ns,
        -- What has no end takes no time, as far as that is known.
        coalesce(end_ns, start_ns) AS end_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE counts_as_work(gpu_operations.kind, $graphs)
),
spans AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        of_one(pid, process_id) AS pid,
        of_one(device_id, device_id) AS device_id,
        min(start_ns) AS first_ns,
        max(end_ns) AS last_ns,
        -- Whole nanoseconds, rounded up, so that the last chunk ends with the last operation.
        greatest(ceil((max(end_ns) - min(start_ns)) / $chunks), 1)::BIGINT AS chunk_ns
    FROM operations
    GROUP BY trace_id, gpu_id, owner
),
pieces AS (
    SELECT
        spans.trace_id,
        spans.gpu_id,
        spans.owner,
        unnest(range((start_ns - first_ns) // chunk_ns, greatest(end_ns - first_ns - 1, 0) // chunk_ns + 1))
            AS chunk,
        first_ns,
        chunk_ns,
        start_ns,
        end_ns
    FROM operations
    JOIN spans
        ON spans.trace_id = operations.trace_id AND spans.gpu_id IS NOT DISTINCT FROM operations.gpu_id
        AND spans.owner = operations.owner
),
used AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        chunk,
        sum(
            least(end_ns, first_ns + (chunk + 1) * chunk_ns) - greatest(start_ns, first_ns + chunk * chunk_ns)
        ) AS used_ns
    FROM pieces
    GROUP BY ALL
),
chunks AS (
    SELECT
        cut.trace_id,
        cut.gpu_id,
        cut.owner,
        pid,
        device_id,
        cut.chunk,
        first_ns + cut.chunk * chunk_ns AS start_ns,
        least(first_ns + (cut.chunk + 1) * chunk_ns, last_ns) AS end_ns,
        coalesce(used_ns, 0) AS used_ns
    FROM (
        SELECT *, unnest(range(0, ceil((last_ns - first_ns) / chunk_ns)::BIGINT)) AS chunk FROM spans
    ) AS cut
    LEFT JOIN used
        ON used.trace_id = cut.trace_id AND used.gpu_id IS NOT DISTINCT FROM cut.gpu_id
        AND used.owner = cut.owner AND used.chunk = cut.chunk
),
idle AS (
    -- Neighbours among the listed chunks have the same difference of chunk number and position.
    SELECT
        *,
        chunk - row_number() OVER (PARTITION BY trace_id, gpu_id, owner ORDER BY chunk) AS island
    FROM chunks
    WHERE 100.0 * used_ns / (end_ns - start_ns) < $threshold_pct
),
joined AS (
    SELECT
        traces.trace,
        100.0 * sum(used_ns) / sum(end_ns - idle.start_ns) AS in_use_pct,
        max(end_ns) - min(idle.start_ns) AS duration_ns,
        min(idle.start_ns) AS start_ns,
        any_value(pid) AS pid,
        gpu_id,
        any_value(device_id) AS device_id,
        owner
    FROM idle
    JOIN traces USING (trace_id)
    GROUP BY traces.trace, gpu_id, owner, island
)
SELECT * EXCLUDE (owner)
FROM joined
-- Two containers may have one pid.
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace ORDER BY in_use_pct, duration_ns DESC, start_ns, gpu_id, pid, owner
    ),
    $limit
)
ORDER BY trace, in_use_pct, duration_ns DESC, start_ns, gpu_id, pid, owner
