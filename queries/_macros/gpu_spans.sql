-- How long the GPUs of each trace were looked at, without the gaps of start-up, which are paid once.
--
-- Each from its first operation to the end of its last one; see gaps_of_start_up.
-- Columns: trace_id, trace, whole_ns, and start_up_ns: those gaps together.
-- @param  chosen ANY  names of traces, or one name; NULL for all

SELECT
    trace_id,
    traces.trace,
    (sum(end_ns - start_ns) - coalesce(any_value(paid_once.start_up_ns), 0))::BIGINT AS whole_ns,
    coalesce(any_value(paid_once.start_up_ns), 0) AS start_up_ns
FROM spans_of_gpus
JOIN chosen_traces(chosen) AS traces USING (trace_id)
LEFT JOIN (
    SELECT trace_id, sum(duration_ns)::BIGINT AS start_up_ns
    FROM gaps_of_start_up
    WHERE is_once
    GROUP BY trace_id
) AS paid_once USING (trace_id)
GROUP BY trace_id, traces.trace
