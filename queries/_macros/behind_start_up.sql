-- What GPUs do behind the start-up of its process, or where nobody knows when that ends (see first_steps).
--
-- What begins before the first step behind warm-up is left out: warm-up, autotuning, loading of weights.
--
-- Columns: those of the work.
-- @param  work TABLE  rows with trace_id, process_id and start_ns, on the clock of their trace

SELECT done.*
FROM query_table(work) AS done
LEFT JOIN (SELECT trace_id, process_id, first_step_ns FROM first_steps) AS started USING (trace_id, process_id)
WHERE done.start_ns < first_step_ns IS NOT true
