-- Operations of GPUs in the order of their starts, and until when those before each kept its GPU busy.
--
-- Columns: those of the operations, and busy_until_ns, as busy_until says; NULL for the first one of a GPU.
-- Sorted once, and then looked at row after row: a window by GPU keeps a tree of all ends.
-- @param  operations TABLE  with trace_id, gpu_id, start_ns, end_ns (known) and number (operation_number)

WITH sorted AS (
    SELECT * FROM query_table(operations) ORDER BY trace_id, gpu_id, start_ns, end_ns, number
),
placed AS (
    SELECT *, gpu_lane(trace_id, gpu_id) AS lane FROM sorted
)
SELECT * EXCLUDE (lane) FROM one_by_one(placed)
