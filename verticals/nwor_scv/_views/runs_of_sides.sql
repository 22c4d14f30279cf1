-- Which imported runs tell of the work behind a trace, or are the runs that were measured without one.
--
-- Runs of a trace name it in their tag `trace`, or share its tags nwor_mode and scv_mode. A run that differs
-- in any tag which both have is another one.
-- @column trace_id BIGINT            the trace or runs, see measured_sides
-- @column trace VARCHAR              name of the trace or of the runs
-- @column run_id BIGINT              the run, see runs
-- @column sweep VARCHAR              the imported file
-- @column tags MAP(VARCHAR, VARCHAR)  what the run was

SELECT trace_id, trace, run_id, sweep, runs.tags
FROM traces
JOIN runs ON runs.tags['trace'] = trace
    OR (runs.tags['nwor_mode'] = traces.tags['nwor_mode']
        AND runs.tags['scv_mode'] = traces.tags['scv_mode'])
-- Sweeps give one summary per mode; its batches are parts of that.
WHERE coalesce(runs.tags['scope'], '') <> 'batch'
    AND coalesce(runs.tags['trace'], trace) = trace
    AND len(list_filter(
        map_keys(runs.tags), lambda tag: coalesce(traces.tags[tag] <> runs.tags[tag], false)
    )) = 0
UNION ALL
SELECT side_id, name, run_id, sweep, tags FROM named_runs
