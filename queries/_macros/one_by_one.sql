-- Sorted operations of GPUs, and until when those before each kept its GPU busy, looked at row after row.
--
-- Columns: those of the operations, and busy_until_ns, as busy_until says; NULL for the first one of a GPU.
-- What is at the end of one GPU is out of reach of the next one, and no BIGINT there.
-- @param  sorted TABLE  in the order of trace_id, gpu_id and start_ns, with end_ns (known)

WITH placed AS (
    SELECT
        *,
        (trace_id * 4294967296 + coalesce(gpu_id, 2147483648))::HUGEINT * 18446744073709551616 AS lane,
        lag(lane + end_ns) OVER () AS last_ns
    FROM query_table(sorted)
),
reached AS (
    SELECT *, max(last_ns) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - lane AS until_ns
    FROM placed
)
SELECT * EXCLUDE (lane, last_ns, until_ns), try_cast(until_ns AS BIGINT) AS busy_until_ns FROM reached
