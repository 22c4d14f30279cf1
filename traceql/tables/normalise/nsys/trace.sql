-- What the report says about itself, into the row of traces that ingest has made.
-- @raw   TARGET_INFO_SESSION_START_TIME
-- @reads utcEpochNs BIGINT
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT

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
    complete = complete AND NOT EXISTS (
        FROM diagnostics
        WHERE diagnostics.trace_id = getvariable('trace_id')
          AND regexp_matches(text, '^Not all .* might have been collected|\b(lost|dropped|discarded)\b')
    ),
    warnings = list_concat(warnings, (
        SELECT coalesce(list(text ORDER BY first_ns), [])
        FROM (
            SELECT regexp_replace(text, '\s+', ' ', 'g') AS text, min(time_ns) AS first_ns
            FROM diagnostics
            WHERE diagnostics.trace_id = getvariable('trace_id')
              AND (severity IN ('warning', 'error') OR regexp_matches(text, '\b(lost|dropped|discarded)\b'))
            GROUP BY ALL
        )
    ))
WHERE trace_id = getvariable('trace_id')
