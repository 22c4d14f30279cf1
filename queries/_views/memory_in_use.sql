-- Memory in use after each allocation and release, by process, GPU and kind of memory.
--
-- What is released without having been allocated before was in use from the start. What was allocated before
-- the recording and stays is there only where the profiler tells it (nsys does, as allocated at the start).
-- No two allocations have one address at a time: what is alive where another one is allocated was released
-- before, though that was not recorded, and is in use until then.
-- The kind "GPU memory" adds up what is allocated on a GPU: Device and Array.
-- @column trace_id BIGINT         trace
-- @column trace VARCHAR           its name
-- @column memory_event_id BIGINT  the event, see memory_events
-- @column time_ns BIGINT          when
-- @column process_id BIGINT       process
-- @column pid BIGINT              process, as its own container numbers it
-- @column gpu_id INTEGER          GPU; NULL for static memory
-- @column memory_kind VARCHAR     as in memory_events, or GPU memory
-- @column operation VARCHAR       Allocation or Deallocation
-- @column bytes BIGINT            allocated or released
-- @column is_known BOOLEAN        false: released, and allocated before the recording
-- @column replaced_bytes BIGINT   of an allocation: what was alive at its address until then; NULL mostly
-- @column in_use_bytes BIGINT     allocated and not released, of this process, GPU and kind

WITH told AS (
    SELECT
        *,
        operation <> 'Deallocation'
        OR lag(operation, 1, '') OVER (
            PARTITION BY trace_id, process_id, virtual_address ORDER BY memory_event_id
        ) = 'Allocation' AS is_known
    FROM memory_events
),
counted AS (
    SELECT * FROM told
    UNION ALL
    SELECT * REPLACE ('GPU memory' AS memory_kind)
    FROM told
    WHERE memory_kind IN ('Device', 'Array')
),
placed AS (
    SELECT
        *,
        CASE WHEN virtual_address IS NOT NULL AND operation = 'Allocation'
                  AND lag(operation) OVER of_address = 'Allocation'
             THEN lag(bytes) OVER of_address END AS replaced_bytes
    FROM counted
    WINDOW of_address AS (
        PARTITION BY trace_id, process_id, gpu_id, memory_kind, virtual_address ORDER BY memory_event_id
    )
)
SELECT
    trace_id,
    trace,
    memory_event_id,
    time_ns,
    process_id,
    pid,
    gpu_id,
    memory_kind,
    operation,
    bytes,
    is_known,
    replaced_bytes,
    (
        coalesce(sum(bytes) FILTER (NOT is_known) OVER of_kind, 0)
        + sum(
            CASE operation WHEN 'Allocation' THEN bytes - coalesce(replaced_bytes, 0)
                           WHEN 'Deallocation' THEN -bytes ELSE 0 END
        ) OVER (of_kind ORDER BY memory_event_id ROWS UNBOUNDED PRECEDING)
    )::BIGINT AS in_use_bytes
FROM placed
JOIN traces USING (trace_id)
WINDOW of_kind AS (PARTITION BY trace_id, process_id, gpu_id, memory_kind)
