-- How long the GPUs of each trace were looked at, without gaps that are paid once.
--
-- Each from its first operation to the end of its last one.
-- Columns: trace_id, trace, whole_ns, and start_up_ns: those gaps together.
-- @param  chosen ANY  names of traces, or one name; NULL for all
-- @param  paid TABLE  rows of gaps_of_start_up

SELECT
    trace_id,
    traces.trace,
    (sum(end_ns - start_ns) - coalesce(any_value(paid_once.start_up_ns), 0))::BIGINT AS whole_ns,
    coalesce(any_value(paid_once.start_up_ns), 0) AS start_up_ns
FROM spans_of_gpus
JOIN chosen_traces(chosen) AS traces USING (trace_id)
LEFT JOIN (
    SELECT trace_id, sum(duration_ns)::BIGINT AS start_up_ns
    FROM query_table(paid)
    WHERE is_once
    GROUP BY trace_id
) AS paid_once USING (trace_id)
GROUP BY trace_id, traces.trace
