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
    start_utc_ns = (SELECT min(utcEpochNs) FROM raw_TARGET_INFO_SESSION_START_TIME),
    captured_at = (SELECT make_timestamp(min(utcEpochNs) // 1000) FROM raw_TARGET_INFO_SESSION_START_TIME),
    trace_duration_ns = (SELECT max(duration) FROM raw_ANALYSIS_DETAILS),
    -- GPUs without a CUDA ordinal were there, but no process used them.
    gpu = (
        SELECT string_agg(DISTINCT gpu_name, ', ' ORDER BY gpu_name)
        FROM gpus
        WHERE gpus.trace_id = getvariable('trace_id')
          AND (device_id IS NOT NULL
               OR NOT EXISTS (
                   FROM gpus AS mapped
                   WHERE mapped.trace_id = getvariable('trace_id') AND mapped.device_id IS NOT NULL
               ))
    ),
    driver_version = (
        SELECT regexp_replace(
            regexp_replace(max(value), '^(\d{3})(\d{2,3})(\d{2})$', '\1.\2.\3'), '^(\d{3})(\d{2})$', '\1.\2'
        )
        FROM raw_TARGET_INFO_SYSTEM_ENV
        WHERE nameEnum = 205 AND value <> ''
    ),
    cuda_version = (
        SELECT max(try_cast(value AS INTEGER)) // 1000 || '.' || max(try_cast(value AS INTEGER)) % 1000 // 10
        FROM raw_TARGET_INFO_SYSTEM_ENV
        WHERE nameEnum = 611
    ),
    cpu = (
        SELECT max(value)
        FROM raw_TARGET_INFO_SYSTEM_ENV
        WHERE nameEnum = 13 AND value NOT IN ('', 'unknown')
    ),
    cpu_cores = (SELECT max(try_cast(value AS INTEGER)) FROM raw_TARGET_INFO_SYSTEM_ENV WHERE nameEnum = 1),
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
        SELECT coalesce(list(text || said_of ORDER BY first_ns, text), [])
        FROM (
            SELECT
                regexp_replace(text, '\s+', ' ', 'g') AS text,
                min(time_ns) AS first_ns,
                -- A launcher, or a process that compiles, does less than those that are looked at.
                CASE WHEN count(DISTINCT process_id) IN (0, any_value(processes)) THEN ''
                     WHEN count(DISTINCT process_id) = 1
                         THEN ' (process ' || (min(process_id) >> 24 & 16777215) || ')'
                     ELSE format(' ({} of {} processes)', count(DISTINCT process_id), any_value(processes))
                END AS said_of
            FROM messages, (SELECT count(DISTINCT process_id) AS processes FROM messages)
            WHERE severity IN ('warning', 'error') OR regexp_matches(text, '\b(lost|dropped|discarded)\b')
            GROUP BY regexp_replace(text, '\s+', ' ', 'g')
        )
    ))
WHERE trace_id = getvariable('trace_id')
