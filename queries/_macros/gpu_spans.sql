-- How long the GPUs of each trace were looked at: each from its first operation to the end of its last one.
--
-- Columns: trace_id, trace, whole_ns.
-- @param  chosen ANY  names of traces, or one name; NULL for all

SELECT trace_id, traces.trace, sum(end_ns - start_ns)::BIGINT AS whole_ns
FROM spans_of_gpus
JOIN chosen_traces(chosen) AS traces USING (trace_id)
GROUP BY trace_id, traces.trace
