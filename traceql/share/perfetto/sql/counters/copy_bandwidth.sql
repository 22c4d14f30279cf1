-- Bytes per second of the copies that run on each GPU, by direction.

-- Asked for one stretch of time after the other: of each, only what lies there is to be read.
WITH copies AS NOT MATERIALIZED (
    SELECT
        gpu_id,
        concat_ws(' ', 'copy bandwidth', copy_kind) AS track,
        'bytes/s' AS unit,
        start_ns,
        end_ns,
        -- Whole numbers: their sum is 0 again when the last copy has ended.
        per_second(bytes, duration_ns)::BIGINT AS bytes_per_s
    FROM memory_ops
    WHERE trace_id = $trace_id AND kind = 'memcpy' AND end_ns > start_ns AND bytes IS NOT NULL
)
SELECT gpu_id, track, unit, start_ns AS time_ns, bytes_per_s AS change FROM copies
UNION ALL
SELECT gpu_id, track, unit, end_ns, -bytes_per_s FROM copies
