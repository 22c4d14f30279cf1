-- One time slice of a context on a GPU: from where it is restored until it is saved.
--
-- What had the GPU when the recording began has no start, and what has it at the end no end.
-- @needs  gpu_context_switches
-- @column trace_id BIGINT             the trace it belongs to, see traces
-- @column trace VARCHAR               name of the trace
-- @column gpu_id INTEGER              GPU of the machine, see gpus
-- @column hardware_context_id BIGINT  the context, as the GPU numbers it
-- @column owner_id BIGINT             whose it is, as process_id; NULL where it is not told
-- @column owner_pid BIGINT            whose it is, as the host numbers it
-- @column start_ns BIGINT             restored; NULL if that was before the recording
-- @column end_ns BIGINT               saved; NULL if it was not, until the end

WITH steps AS (
    SELECT
        *,
        lead(switch_step) OVER of_context AS next_step,
        lead(time_ns) OVER of_context AS next_ns,
        lag(switch_step) OVER of_context AS last_step
    FROM gpu_context_switches
    WHERE switch_step IN ('restore start', 'save end')
    WINDOW of_context AS (
        PARTITION BY trace_id, gpu_id, hardware_context_id, owner_id ORDER BY time_ns, switch_number
    )
)
SELECT
    trace_id,
    trace,
    gpu_id,
    hardware_context_id,
    owner_id,
    owner_pid,
    CASE switch_step WHEN 'restore start' THEN time_ns END AS start_ns,
    CASE WHEN switch_step = 'save end' THEN time_ns WHEN next_step = 'save end' THEN next_ns END AS end_ns
FROM steps
JOIN traces USING (trace_id)
WHERE switch_step = 'restore start' OR last_step IS DISTINCT FROM 'restore start'
