-- What GPUs do behind the start-up of its process: from its first step behind warm-up on (see steady_steps).
--
-- What begins before that is paid once: warm-up, autotuning, loading of weights. Of processes in which
-- nothing tells steps nothing is left out.
--
-- Columns: those of the work, and first_step_ns; NULL where nothing tells steps.
-- @param  work TABLE  rows with trace_id, process_id and start_ns, on the clock of their trace

SELECT done.*, first_step_ns
FROM query_table(work) AS done
LEFT JOIN (SELECT DISTINCT trace_id, process_id, first_step_ns FROM steady_steps) AS started
    USING (trace_id, process_id)
WHERE done.start_ns < first_step_ns IS NOT true
