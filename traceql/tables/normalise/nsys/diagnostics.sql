-- One row per message of the profiler. File paths and the machine's name stay out.
--
-- Their times count from the start of the trace, also where those of events are the target's clock; should
-- they be that clock, too, the first message is nearer to the clock's value at the start than to 0.
-- @raw   TARGET_INFO_SESSION_START_TIME
-- @reads systemClockNs BIGINT
-- @raw   DIAGNOSTIC_EVENT
-- @reads timestamp BIGINT
-- @reads source    INTEGER
-- @reads severity  INTEGER
-- @reads text      VARCHAR
-- @reads globalPid BIGINT
-- @raw   TARGET_INFO_SYSTEM_ENV
-- @reads name  VARCHAR
-- @reads value VARCHAR
-- @fills diagnostics = DIAGNOSTIC_EVENT

CREATE TEMP TABLE messages AS
WITH clock AS (
    SELECT max(systemClockNs) AS start_ns FROM raw_TARGET_INFO_SESSION_START_TIME
),
hosts AS (
    -- A machine is named in full or by the first part of its name.
    SELECT '\b(?:' || string_agg(DISTINCT regexp_escape(part), '|' ORDER BY regexp_escape(part) DESC) || ')\b'
        AS pattern
    FROM (
        SELECT unnest([value, split_part(value, '.', 1)]) AS part
        FROM raw_TARGET_INFO_SYSTEM_ENV
        WHERE name = 'Hostname'
    )
    WHERE length(part) > 2
),
without_paths AS (
    -- A path in quotes ends with them; any other begins behind a blank, bracket or sign and ends at the next
    -- blank, quote or closing bracket.
    SELECT
        *,
        min(timestamp) OVER () AS first_ns,
        regexp_replace(
            regexp_replace(
                regexp_replace(text, '''(?:file:|/|~/|[A-Za-z]:\\|\\\\)[^'']*''', '''<path>''', 'g'),
                '"(?:file:|/|~/|[A-Za-z]:\\|\\\\)[^"]*"', '"<path>"', 'g'
            ),
            '(^|[\s''"(=:,;<\[{|`])(?:/|~/|[A-Za-z]:\\|\\\\)[^\s''")]+', '\1<path>', 'g'
        ) AS plain
    FROM raw_DIAGNOSTIC_EVENT
)
SELECT
    timestamp - CASE WHEN first_ns > start_ns // 2 THEN start_ns ELSE 0 END AS time_ns,
    CASE severity WHEN 1 THEN 'info' WHEN 2 THEN 'warning' WHEN 3 THEN 'error' END AS severity,
    CASE source WHEN 1 THEN 'injection' WHEN 2 THEN 'daemon' WHEN 3 THEN 'analysis' END AS source,
    CASE WHEN pattern IS NULL THEN plain ELSE regexp_replace(plain, pattern, '<host>', 'g') END AS text,
    -- Some are about no process.
    CASE WHEN globalPid >> 24 & 16777215 > 0 THEN globalPid & -16777216 END AS process_id
FROM without_paths, hosts, clock;

INSERT INTO diagnostics BY NAME
SELECT getvariable('trace_id') AS trace_id, time_ns, severity, source, text
FROM messages
ORDER BY time_ns, text
