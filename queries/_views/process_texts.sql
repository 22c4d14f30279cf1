-- One process, with a text of its pid that tells it apart from the others of its trace.
--
-- Two containers may each have a process of one pid, and of one executable: NVIDIA's number of the process
-- stands behind such pids.
-- @column trace_id BIGINT    the trace it belongs to, see traces
-- @column trace VARCHAR      name of the trace
-- @column process_id BIGINT  process, see processes
-- @column pid BIGINT         its pid, as its own container numbers it
-- @column process VARCHAR    executable
-- @column pid_text VARCHAR   its pid; with process_id in parentheses where another process has the same

SELECT
    trace_id,
    trace,
    process_id,
    pid,
    process,
    pid || CASE WHEN count(*) OVER (PARTITION BY trace_id, pid) > 1 THEN ' (' || process_id || ')' ELSE '' END
        AS pid_text
FROM processes
JOIN traces USING (trace_id)
