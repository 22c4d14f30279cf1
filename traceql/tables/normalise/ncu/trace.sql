-- What the report says about itself, into the row of traces that ingest has made.
--
-- Where a workload has its DRAM bytes, its DRAM rate and its duration, the three must agree: if they do not,
-- some unit is not what it says.
-- @raw   ncu_session
-- @reads created_utc_s  BIGINT
-- @reads cuda_version   VARCHAR
-- @reads driver_version VARCHAR

UPDATE traces SET
    captured_at = (SELECT make_timestamp(any_value(created_utc_s) * 1000000) FROM raw_ncu_session),
    start_utc_ns = (SELECT any_value(created_utc_s) * 1000000000 FROM raw_ncu_session),
    driver_version = (SELECT any_value(driver_version) FROM raw_ncu_session),
    cuda_version = (SELECT any_value(cuda_version) FROM raw_ncu_session),
    gpu = (
        SELECT string_agg(DISTINCT gpu_name, ', ' ORDER BY gpu_name)
        FROM gpus
        WHERE gpus.trace_id = getvariable('trace_id')
    ),
    warnings = list_concat(warnings, (
        WITH checked AS (
            SELECT
                max(value) FILTER (metric = 'dram__bytes_read.sum') AS bytes,
                max(value) FILTER (metric = 'dram__bytes_read.sum.per_second') AS bytes_per_s,
                max(value) FILTER (metric = 'gpu__time_duration.sum') AS duration_ns
            FROM metrics
            WHERE metrics.trace_id = getvariable('trace_id')
              AND metric IN (
                  'dram__bytes_read.sum', 'dram__bytes_read.sum.per_second', 'gpu__time_duration.sum'
              )
            GROUP BY kernel_id
        )
        SELECT CASE WHEN count(*) > 0
                    THEN [
                        count(*) || ' workloads: DRAM bytes ÷ duration is not the reported rate; check units'
                    ]
                    ELSE [] END
        FROM checked
        WHERE bytes_per_s > 0 AND abs(bytes / duration_ns * 1e9 / bytes_per_s - 1) > 0.5
    ))
WHERE trace_id = getvariable('trace_id')
