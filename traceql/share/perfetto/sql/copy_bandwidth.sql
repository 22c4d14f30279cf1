-- Bytes per second of the copies that run on each GPU, by direction, whenever that changes.

WITH copies AS (
    SELECT
        gpu_id,
        copy_kind,
        start_ns,
        end_ns,
        -- Whole numbers: their sum is 0 again when the last copy has ended.
        per_second(bytes, duration_ns)::BIGINT AS bytes_per_s
    FROM memory_ops
    WHERE trace_id = $trace_id AND kind = 'memcpy' AND end_ns > start_ns AND bytes IS NOT NULL
),
changes AS (
    SELECT gpu_id, copy_kind, time_ns, sum(change) AS change
    FROM (
        SELECT gpu_id, copy_kind, start_ns AS time_ns, bytes_per_s AS change FROM copies
        UNION ALL
        SELECT gpu_id, copy_kind, end_ns, -bytes_per_s FROM copies
    )
    GROUP BY gpu_id, copy_kind, time_ns
    HAVING sum(change) <> 0
)
SELECT
    gpu_id,
    concat_ws(' ', 'copy bandwidth', copy_kind) AS track,
    'bytes/s' AS unit,
    time_ns,
    sum(change) OVER (PARTITION BY gpu_id, copy_kind ORDER BY time_ns)::DOUBLE AS value
FROM changes
