-- What the report says about itself, into the row of traces that ingest has made.
--
-- Facts about the machine have numbers: 1 logical CPUs, 13 model of the CPU, 205 driver, 611 CUDA as 1000 ×
-- major + 10 × minor. Some drivers come without their dots: 52510517 is 525.105.17, and 41867 is 418.67.
-- @raw   TARGET_INFO_SESSION_START_TIME
-- @reads utcEpochNs BIGINT
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT
-- @raw   TARGET_INFO_SYSTEM_ENV
-- @reads nameEnum INTEGER
-- @reads value    VARCHAR
-- @raw   META_DATA_EXPORT|EXPORT_META_DATA
-- @reads name  VARCHAR
-- @reads value VARCHAR

UPDATE traces SET
    start_utc_ns = started.utc_ns,
    captured_at = make_timestamp(started.utc_ns // 1000),
    trace_duration_ns = (SELECT max(duration) FROM raw_ANALYSIS_DETAILS),
    -- GPUs without a CUDA ordinal were there, but no process used them.
    gpu = (
        SELECT CASE WHEN count(device_id) > 0
                    THEN string_agg(DISTINCT gpu_name, ', ' ORDER BY gpu_name) FILTER (device_id IS NOT NULL)
                    ELSE string_agg(DISTINCT gpu_name, ', ' ORDER BY gpu_name) END
        FROM gpus
        WHERE gpus.trace_id = getvariable('trace_id')
    ),
    driver_version = regexp_replace(
        regexp_replace(machine.driver, '^(\d{3})(\d{2,3})(\d{2})$', '\1.\2.\3'), '^(\d{3})(\d{2})$', '\1.\2'
    ),
    cuda_version = machine.cuda // 1000 || '.' || machine.cuda % 1000 // 10,
    cpu = machine.cpu,
    cpu_cores = machine.cpu_cores,
    time_shift_ns = coalesce(
        (
            SELECT max(try_cast(value AS BIGINT))
            FROM raw_META_DATA_EXPORT
            WHERE name = 'EXPORT_PARAM_TIME_SHIFT'
        ),
        CASE WHEN format = 'nsys-rep' THEN 0 END
    ),
    -- Exports before 2024.6 leave the messages out: whether anything was lost is not known then.
    complete = complete AND (
        SELECT CASE WHEN count(*) > 0
                    THEN NOT coalesce(bool_or(
                        regexp_matches(
                            text, '^Not all .* might have been collected|\b(lost|dropped|discarded)\b'
                        )
                    ), false) END
        FROM diagnostics
        WHERE diagnostics.trace_id = getvariable('trace_id')
    ),
    warnings = list_concat(warnings, (
        SELECT coalesce(list(text ORDER BY table_name, fault), [])
        FROM doubts
        WHERE doubts.trace_id = getvariable('trace_id')
    ), (
        SELECT coalesce(list(text ORDER BY first_ns, text), [])
        FROM (
            SELECT regexp_replace(text, '\s+', ' ', 'g') AS text, min(time_ns) AS first_ns
            FROM diagnostics
            WHERE diagnostics.trace_id = getvariable('trace_id')
              AND (severity IN ('warning', 'error') OR regexp_matches(text, '\b(lost|dropped|discarded)\b'))
            GROUP BY ALL
        )
    ))
FROM (SELECT min(utcEpochNs) AS utc_ns FROM raw_TARGET_INFO_SESSION_START_TIME) AS started,
    (
        SELECT
            max(value) FILTER (nameEnum = 205 AND value <> '') AS driver,
            max(try_cast(value AS INTEGER)) FILTER (nameEnum = 611) AS cuda,
            max(value) FILTER (nameEnum = 13 AND value NOT IN ('', 'unknown')) AS cpu,
            max(try_cast(value AS INTEGER)) FILTER (nameEnum = 1) AS cpu_cores
        FROM raw_TARGET_INFO_SYSTEM_ENV
    ) AS machine
WHERE trace_id = getvariable('trace_id')
