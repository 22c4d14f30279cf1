-- What the questions about NWOR and SCV compare: traces, and runs that were measured without one.
--
-- Runs are called as in the view named_runs; a trace of the same name comes first.
-- @column trace_id BIGINT            the trace, see traces; of runs the side_id of named_runs
-- @column trace VARCHAR              name of the trace or of the runs
-- @column tags MAP(VARCHAR, VARCHAR)  what it was, as labelled
-- @column has_timeline BOOLEAN       whether it holds times
-- @column has_counters BOOLEAN       whether it holds ncu metrics of kernels
-- @column missing VARCHAR[]          tables that a trace lacks, see traces
-- @column sweep VARCHAR              of runs, the imported file; NULL of a trace

SELECT trace_id, trace, tags, has_timeline, has_counters, missing, NULL::VARCHAR AS sweep
FROM traces
UNION ALL
SELECT side_id, name, arg_min(tags, run_id), false, false, []::VARCHAR[], sweep
FROM named_runs
WHERE name NOT IN (SELECT trace FROM traces)
GROUP BY side_id, name, sweep
