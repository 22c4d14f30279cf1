-- What GPUs did, in the order of its start.

-- Numbers only: names are looked up afterwards.
CREATE TEMP VIEW gpu_work AS
SELECT 1 AS of_table, kernel_id AS id, process_id, context_id, stream_id, start_ns, end_ns, graph_node_id,
       correlation_id, api_call_id, range_id
FROM kernels WHERE trace_id = getvariable('trace_id')
UNION ALL
SELECT 2, memory_op_id, process_id, context_id, stream_id, start_ns, end_ns, graph_node_id,
       correlation_id, api_call_id, range_id
FROM memory_ops WHERE trace_id = getvariable('trace_id')
UNION ALL
SELECT 0, graph_launch_id, process_id, context_id, stream_id, start_ns, end_ns, NULL, correlation_id,
       api_call_id, range_id
FROM graph_launches WHERE trace_id = getvariable('trace_id');

CREATE TEMP TABLE gpu_operations AS
SELECT start_ns, end_ns, api_call_id, range_id
FROM gpu_work
ORDER BY start_ns, end_ns;

-- A row if any lies in another one, or has the times of another one, or more than two run at once. Where each
-- begins after the end of the last but one, it begins after the end of all before that.
CREATE TEMP TABLE meeting_operations AS
SELECT 1
FROM (
    -- The windows run along as the rows come.
    SELECT
        start_ns,
        end_ns,
        lag(start_ns) OVER () AS start_before,
        lag(end_ns) OVER () AS end_before,
        lag(end_ns, 2) OVER () AS end_two_before
    FROM gpu_operations
)
WHERE start_ns < end_two_before OR end_ns < end_before OR start_ns = start_before AND end_ns = end_before
LIMIT 1
