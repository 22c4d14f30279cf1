-- Memory in use after each allocation and release, by process, GPU and kind of memory.
--
-- What is released without having been allocated before was in use from the start. What was allocated before
-- the recording and stays is there only where the profiler tells it (nsys does, as allocated at the start).
-- No two allocations have one address at a time: what is alive where another one is allocated was released
-- before, though that was not recorded, and is in use until then. Threads' events at one address may come in
-- another order than they happened: a release takes away what is alive there, whatever size it tells, and
-- what another release of it tells is in use between the two. What has no address is told by its size.
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
-- @column since_event_id BIGINT   the event at its address before this one; NULL if none
-- @column until_event_id BIGINT   the event at its address after this one; NULL if none
-- @column is_known BOOLEAN        false: released, and no allocation of it is recorded
-- @column replaced_bytes BIGINT   of an allocation: what was alive at its address until then; NULL mostly
-- @column before_bytes BIGINT     in use before the first event, of this process, GPU and kind
-- @column in_use_bytes BIGINT     allocated and not released, of this process, GPU and kind

WITH counted AS (
    SELECT * FROM memory_events
    UNION ALL
    SELECT * REPLACE ('GPU memory' AS memory_kind)
    FROM memory_events
    WHERE memory_kind IN ('Device', 'Array')
),
-- Without an address, a release is of what was allocated last of its size and is alive: of n that are alive,
-- the n-th.
numbered AS (
    SELECT
        *,
        CASE WHEN virtual_address IS NULL
             THEN [bytes, (sum(
                 CASE operation WHEN 'Allocation' THEN 1 WHEN 'Deallocation' THEN -1 ELSE 0 END
             ) OVER (
                 PARTITION BY trace_id, process_id, gpu_id, memory_kind, virtual_address, bytes
                 ORDER BY memory_event_id ROWS UNBOUNDED PRECEDING
             ))::BIGINT + (operation = 'Deallocation')::BIGINT] END AS nth_of_size
    FROM counted
),
placed AS (
    SELECT
        *,
        lag(memory_event_id) OVER of_address AS since_event_id,
        lead(memory_event_id) OVER of_address AS until_event_id,
        operation <> 'Deallocation' OR lag(operation, 1, '') OVER of_address = 'Allocation' AS is_known,
        CASE WHEN lag(operation) OVER of_address = 'Allocation' THEN lag(bytes) OVER of_address
            END AS alive_bytes,
        CASE WHEN lead(operation) OVER of_address = 'Deallocation' THEN lead(bytes) OVER of_address
            END AS released_next_bytes
    FROM numbered
    WINDOW of_address AS (
        PARTITION BY trace_id, process_id, gpu_id, memory_kind, virtual_address, nth_of_size,
                     operation IN ('Allocation', 'Deallocation')
        ORDER BY memory_event_id
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
    since_event_id,
    until_event_id,
    is_known,
    CASE operation WHEN 'Allocation' THEN alive_bytes END AS replaced_bytes,
    coalesce(sum(bytes) FILTER (NOT is_known AND since_event_id IS NULL) OVER of_kind, 0)::BIGINT
        AS before_bytes,
    (
        before_bytes
        + sum(
            CASE operation
                WHEN 'Allocation' THEN bytes - coalesce(alive_bytes, 0)
                WHEN 'Deallocation' THEN coalesce(released_next_bytes, 0) - coalesce(alive_bytes, bytes)
                ELSE 0
            END
        ) OVER (of_kind ORDER BY memory_event_id ROWS UNBOUNDED PRECEDING)
    )::BIGINT AS in_use_bytes
FROM placed
JOIN traces USING (trace_id)
WINDOW of_kind AS (PARTITION BY trace_id, process_id, gpu_id, memory_kind)
