-- Operations of GPUs in the order of their starts, and until when those before each kept its GPU busy.
--
-- Columns: those of the operations, and busy_until_ns, as busy_until says; NULL for the first one of a GPU.
-- Sorted once, and then looked at row after row: a window by GPU keeps a tree of all ends. What is at the end
-- of one GPU is out of reach of the next one, and no BIGINT there.
-- @param  operations TABLE  with trace_id, gpu_id, start_ns, end_ns (known) and number (operation_number)

WITH sorted AS (
    SELECT * FROM query_table(operations) ORDER BY trace_id, gpu_id, start_ns, end_ns, number
),
placed AS (
    SELECT
        *,
        (trace_id::HUGEINT * 4294967296 + coalesce(gpu_id, 2147483648)) * 18446744073709551616 AS lane,
        lag(lane + end_ns) OVER () AS last_ns
    FROM sorted
),
reached AS (
    SELECT *, max(last_ns) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - lane AS until_ns
    FROM placed
)
SELECT * EXCLUDE (lane, last_ns, until_ns), try_cast(until_ns AS BIGINT) AS busy_until_ns FROM reached
