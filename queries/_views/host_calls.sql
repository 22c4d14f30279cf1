-- One CUDA call that launches a kernel, launches a graph or waits for the GPU (nsys).
--
-- Runtime and driver calls alike. Where the one calls another of its purpose they share their id, and the
-- outer one counts.
-- @needs  api_calls
-- @column trace_id BIGINT     the trace it belongs to, see traces
-- @column trace VARCHAR       name of the trace
-- @column api_call_id BIGINT  the call, see api_calls
-- @column process_id BIGINT   process, see processes
-- @column pid BIGINT          process, as its own container numbers it
-- @column tid BIGINT          thread
-- @column purpose VARCHAR     launch (of kernels), replay (of a CUDA graph) or sync
-- @column function VARCHAR    function
-- @column start_ns BIGINT     start of the call
-- @column duration_ns BIGINT  time in the call
-- @column range_id BIGINT     innermost push/pop range around its start; NULL outside any

-- Each name is looked at once: there are few of them, and many calls.
WITH functions AS (
    SELECT name, call_purpose(any_value(name)) AS purpose FROM api_calls GROUP BY name
)
SELECT trace_id, trace, api_call_id, process_id, pid, tid, purpose, name AS function, start_ns, duration_ns,
       range_id
FROM api_calls
JOIN functions USING (name)
JOIN traces USING (trace_id)
WHERE purpose IN ('launch', 'replay', 'sync')
QUALIFY row_number() OVER (
    PARTITION BY purpose, trace_id, process_id, coalesce(nullif(correlation_id, 0), -api_call_id)
    ORDER BY start_ns, end_ns DESC, api_call_id
) = 1
