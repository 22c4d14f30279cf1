-- One row per message of the profiler. File paths and the machine's name stay out.
-- @raw DIAGNOSTIC_EVENT timestamp:BIGINT source:INTEGER severity:INTEGER text:VARCHAR
-- @raw TARGET_INFO_SYSTEM_ENV name:VARCHAR value:VARCHAR
-- @fills diagnostics

INSERT INTO diagnostics BY NAME
WITH host AS (
    SELECT any_value(value) AS name FROM raw_TARGET_INFO_SYSTEM_ENV WHERE name = 'Hostname' AND length(value) > 2
),
messages AS (
    -- A path starts at the beginning or after a blank or bracket, and ends at the next blank.
    SELECT *, regexp_replace(text, '(^|[\s''"(=:])(?:/|~/|[A-Za-z]:\\|\\\\)[^\s''")]+', '\1<path>', 'g') AS plain
    FROM raw_DIAGNOSTIC_EVENT
)
SELECT
    getvariable('trace_id') AS trace_id,
    -- These times count from the start of the trace in every version.
    timestamp AS time_ns,
    CASE severity WHEN 1 THEN 'info' WHEN 2 THEN 'warning' WHEN 3 THEN 'error' END AS severity,
    CASE source WHEN 1 THEN 'injection' WHEN 2 THEN 'daemon' WHEN 3 THEN 'analysis' END AS source,
    CASE WHEN host.name IS NULL THEN plain ELSE replace(plain, host.name, '<host>') END AS text
FROM messages, host
ORDER BY time_ns, text
