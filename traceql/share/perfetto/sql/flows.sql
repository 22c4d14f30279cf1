-- From which API call an arrow leads to which work on a GPU: none where the clocks have the call come later.

SELECT api_call_id, flow_id
FROM (
    SELECT api_call_id, start_ns, 4 * kernel_id AS flow_id FROM kernels WHERE trace_id = $trace_id
    UNION ALL
    SELECT api_call_id, start_ns, 4 * memory_op_id + 1 FROM memory_ops WHERE trace_id = $trace_id
    UNION ALL
    SELECT api_call_id, start_ns, 4 * graph_launch_id + 2 FROM graph_launches WHERE trace_id = $trace_id
) AS work
JOIN api_calls USING (api_call_id)
WHERE work.start_ns >= api_calls.start_ns
ORDER BY api_call_id, flow_id
