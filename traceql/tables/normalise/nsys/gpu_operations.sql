-- What GPUs did, in the order of its start, and how long the one before runs meanwhile.

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

-- In order, and of each how it meets the one before it. The windows run along as the rows come.
SET VARIABLE launched_only = false;

CREATE TEMP VIEW ordered_work AS
SELECT
    start_ns,
    end_ns,
    api_call_id,
    range_id,
    CASE WHEN end_before > start_ns AND end_ns > start_ns THEN least(end_ns, end_before) - start_ns END
        AS overlap_ns,
    CASE WHEN end_before > start_ns THEN range_before END AS previous_range_id,
    coalesce(end_two_before > start_ns, false) AS is_crowded
FROM (
    SELECT
        *,
        lag(end_ns) OVER () AS end_before,
        lag(end_ns, 2) OVER () AS end_two_before,
        lag(range_id) OVER () AS range_before
    FROM (
        SELECT start_ns, end_ns, api_call_id, range_id
        FROM gpu_work
        WHERE api_call_id IS NOT NULL OR NOT getvariable('launched_only')
        ORDER BY start_ns, end_ns
    )
);

CREATE TEMP TABLE gpu_operations AS
FROM ordered_work;

-- A row if there is anything that most reports do not have: whether any lies in another one or has the times
-- of another one, or more than two run at once; and, where ranges hold any, whether more than two do, and
-- whether one was launched by no call that is known. Where each begins after the end of the last but one, it
-- begins after the end of all before that.
CREATE TEMP TABLE unusual_operations AS
FROM (
    SELECT
        bool_or(is_crowded OR overlap_ns = end_ns - start_ns OR end_ns = start_ns) AS meet,
        bool_or(is_crowded) AND count(range_id) > 0 AS crowd,
        count(*) > count(api_call_id) AND count(range_id) > 0 AS are_unlaunched
    FROM gpu_operations
)
WHERE meet OR crowd OR are_unlaunched
