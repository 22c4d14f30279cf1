-- Each operation of a GPU in the order of their starts, and until when those before it kept its owner busy.
--
-- Columns: those of operations_in_order, and owner, see lane_owner: whose time on the GPU is looked at.
-- @param  chosen ANY         names of traces, or one name; NULL for all
-- @param  shown_by VARCHAR   gpu, whoever shares it, or process
-- @param  graphs BOOLEAN     whether whole CUDA graphs count as work

SELECT operations.*, lane_owner(shown_by, process_id) AS owner
FROM operations_in_order AS operations
JOIN chosen_traces(chosen) AS traces USING (trace_id)
WHERE shown_by = 'gpu' AND graphs
UNION ALL BY NAME
SELECT
    * REPLACE (
        busy_until(start_ns, end_ns, operation_number(kind, operation_id), (trace_id, gpu_id, owner))
            AS busy_until_ns
    )
FROM (
    SELECT operations.*, lane_owner(shown_by, process_id) AS owner
    FROM operations_in_order AS operations
    JOIN chosen_traces(chosen) AS traces USING (trace_id)
    WHERE (shown_by = 'gpu' AND graphs) IS NOT TRUE AND counts_as_work(operations.kind, graphs)
)
