-- How long each GPU was at work, with breaks: from its first operation to the end of its last one (nsys).
-- @once   page
-- @column trace_id BIGINT  the trace it belongs to, see traces
-- @column trace VARCHAR    name of the trace
-- @column gpu_id INTEGER   the GPU itself, see gpus; the ordinal where the report does not map it
-- @column start_ns BIGINT  start of its first operation
-- @column end_ns BIGINT    end of its last one; NULL if none has an end

SELECT trace_id, trace, gpu_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns
FROM gpu_operations
SEMI JOIN asked_traces USING (trace_id)
GROUP BY trace_id, trace, gpu_id
