-- How large do memory pools become, how much of them is used, and what do they keep?
--
-- Of cudaMallocAsync: a pool takes memory from the GPU and hands it out; what is released stays in it as far
-- as its release threshold says, until a synchronisation. What it has and does not use is missing elsewhere.
-- @of     traces
-- @unites trace
-- @needs  memory_events|memory_pool_events
-- @column trace VARCHAR                   name of the trace
-- @column pid BIGINT                      process
-- @column gpu_id INTEGER                  GPU, see gpus
-- @column pool_address BIGINT             the pool; later ones may have that of one that was destroyed
-- @column pool_type VARCHAR               Local, or Imported from another process; NULL if not told
-- @column created_ns BIGINT               when it was created; NULL if before the recording
-- @column destroyed_ns BIGINT             when it was destroyed; NULL if it was not
-- @column allocations BIGINT              from it
-- @column releases BIGINT                 into it
-- @column trims BIGINT                    how often it was trimmed, by synchronisations, too
-- @column release_threshold_bytes BIGINT  most that it keeps unused; 2^63 - 1 for all; NULL if not told
-- @column peak_bytes BIGINT               largest that it was
-- @column peak_used_bytes BIGINT          most of it that was in use
-- @column peak_unused_bytes BIGINT        most that it had without using it
-- @column end_bytes BIGINT                its size after its last event
-- @column end_used_bytes BIGINT           of that, in use
-- @chart  paired_bars x=pool_address y=peak_bytes y2=peak_used_bytes

WITH told AS (
    SELECT trace_id, process_id, pid, gpu_id, pool_address, operation, time_ns, NULL AS pool_type, pool_bytes,
           -- While memory is released it still counts.
           pool_used_bytes - CASE operation WHEN 'Deallocation' THEN bytes ELSE 0 END AS used_bytes,
           NULL::BIGINT AS release_threshold_bytes, memory_event_id AS event, 0 AS source
    FROM memory_events
    WHERE pool_address IS NOT NULL
    UNION ALL
    SELECT trace_id, process_id, pid, gpu_id, pool_address, operation, time_ns, pool_type, pool_bytes,
           pool_used_bytes,
           -- 64 bits that are all set: more than any memory.
           CASE WHEN release_threshold_bytes < 0 THEN 9223372036854775807 ELSE release_threshold_bytes END,
           memory_pool_event_id, 1
    FROM memory_pool_events
),
-- The address of a pool that was destroyed may be that of the next one.
lives AS (
    SELECT
        *,
        count(*) FILTER (operation = 'Created') OVER (
            PARTITION BY trace_id, process_id, pool_address ORDER BY time_ns
        ) AS life
    FROM told
)
SELECT
    trace,
    pid,
    gpu_id,
    pool_address,
    any_value(pool_type) AS pool_type,
    min(time_ns) FILTER (operation = 'Created') AS created_ns,
    max(time_ns) FILTER (operation = 'Destroyed') AS destroyed_ns,
    count(*) FILTER (operation = 'Allocation') AS allocations,
    count(*) FILTER (operation = 'Deallocation') AS releases,
    count(*) FILTER (operation = 'Trimmed') AS trims,
    arg_max(release_threshold_bytes, (time_ns, event))
        FILTER (release_threshold_bytes IS NOT NULL AND operation <> 'Created') AS release_threshold_bytes,
    max(pool_bytes) AS peak_bytes,
    max(used_bytes)::BIGINT AS peak_used_bytes,
    max(pool_bytes - used_bytes)::BIGINT AS peak_unused_bytes,
    arg_max(pool_bytes, (time_ns, source, event)) AS end_bytes,
    arg_max(used_bytes, (time_ns, source, event))::BIGINT AS end_used_bytes
FROM lives
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, process_id, pid, gpu_id, pool_address, life
ORDER BY trace, pid, process_id, gpu_id, pool_address, life
