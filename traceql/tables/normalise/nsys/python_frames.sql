-- Stacks of Python's interpreter, which come as NVTX marks with a payload: samples, and those of CUDA calls.
--
-- A payload (see nvtx_payloads) holds the thread's state, how many frames there are, and these, innermost
-- first: two texts of the string table, function and file, and the line. Where each stands the report's
-- schemas say. What a payload is tells the name of its domain.
-- Exports have payloads if they were written with --include-blobs=true.
-- @raw   NVTX_PAYLOAD_SCHEMAS
-- @reads domainId    BIGINT
-- @reads schemaId    BIGINT
-- @reads payloadSize BIGINT
-- @raw   NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads name     VARCHAR
-- @reads type     BIGINT
-- @reads offset   BIGINT
-- @of    NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @raw   NVTX_PAYLOAD_ENUM_ENTRIES
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads name     VARCHAR
-- @reads value    BIGINT
-- @raw   NVTX_EVENTS
-- @reads start      BIGINT
-- @reads eventType  INTEGER
-- @reads text       VARCHAR
-- @reads textId     BIGINT
-- @reads globalTid  BIGINT
-- @reads domainId   BIGINT
-- @reads binaryData BLOB

-- A mark for each look at a thread; its number is that of its stack.
CREATE TEMP TABLE python_marks AS
WITH places AS (
    SELECT
        domainId AS domain_id,
        schemaId AS schema_id,
        name,
        min(coalesce("offset", 0)) AS place,
        min(type) AS type
    FROM raw_NVTX_PAYLOAD_SCHEMA_ENTRIES
    WHERE coalesce("offset", 0) BETWEEN 0 AND 65536
    GROUP BY ALL
    HAVING count(DISTINCT (coalesce("offset", 0), type)) = 1
),
frames AS (
    SELECT
        domainId AS domain_id,
        schemaId AS type,
        min(payloadSize) AS frame_bytes,
        min(place) FILTER (places.name = 'Function') AS function_at,
        min(place) FILTER (places.name = 'File') AS file_at,
        min(place) FILTER (places.name = 'Line') AS line_at
    FROM raw_NVTX_PAYLOAD_SCHEMAS
    JOIN places ON places.domain_id = domainId AND places.schema_id = schemaId
    WHERE payloadSize BETWEEN 1 AND 65536
    GROUP BY ALL
    HAVING count(DISTINCT payloadSize) = 1
        AND count(DISTINCT places.name) FILTER (places.name IN ('Function', 'File', 'Line')) = 3
),
kinds AS (
    SELECT
        domain_id,
        schema_id,
        min(place) FILTER (name = 'Thread state') AS state_at,
        min(type) FILTER (name = 'Thread state') AS state_type,
        min(place) FILTER (name = 'Frames count') AS count_at,
        min(place) FILTER (name = 'Frames') AS frames_at,
        min(type) FILTER (name = 'Frames') AS type
    FROM places
    GROUP BY domain_id, schema_id
),
domains AS (
    SELECT globalTid >> 24 AS process, domainId AS domain_id, min(coalesce(text, strings.value)) AS domain
    FROM raw_NVTX_EVENTS
    LEFT JOIN strings ON strings.id = textId
    WHERE eventType = 75
    GROUP BY ALL
),
states AS (
    SELECT domainId AS domain_id, schemaId AS state_type, coalesce(value, 0) AS state, min(name) AS label
    FROM raw_NVTX_PAYLOAD_ENUM_ENTRIES
    GROUP BY ALL
    HAVING count(DISTINCT name) = 1
),
payloads AS (
    SELECT
        row_number() OVER () AS mark,
        start,
        globalTid AS thread,
        domainId AS domain_id,
        little_endian(substr(digits, 17, 16)) AS schema_id,
        substr(digits, 65) AS digits
    FROM (SELECT *, hex(binaryData) AS digits FROM raw_NVTX_EVENTS WHERE eventType = 34)
    -- One payload, which begins behind its head.
    WHERE length(digits) > 64 AND little_endian(substr(digits, 1, 16)) = 1
),
laid_out AS (
    SELECT
        payloads.*,
        kinds.* EXCLUDE (domain_id, schema_id),
        frames.* EXCLUDE (domain_id, type),
        domain = 'Python Periodic Sampling' AS is_sample
    FROM payloads
    JOIN domains ON domains.process = payloads.thread >> 24 AND domains.domain_id = payloads.domain_id
    JOIN kinds ON kinds.domain_id = payloads.domain_id AND kinds.schema_id = payloads.schema_id
    JOIN frames ON frames.domain_id = kinds.domain_id AND frames.type = kinds.type
    WHERE 2 * (count_at + 4) <= length(digits) AND frames_at IS NOT NULL
        AND domain IN ('Python Backtrace on CUDA', 'Python Periodic Sampling')
)
SELECT
    mark,
    start,
    thread,
    is_sample,
    label AS thread_state,
    digits,
    frames_at,
    frame_bytes,
    function_at,
    file_at,
    line_at,
    least(
        little_endian(substr(digits, 2 * count_at + 1, 8)),
        greatest(0, length(digits) // 2 - frames_at) // frame_bytes
    )::BIGINT AS frames
FROM laid_out
LEFT JOIN states
    ON states.domain_id = laid_out.domain_id AND states.state_type = laid_out.state_type
    AND states.state = little_endian(substr(digits, 2 * state_at + 1, 8));

CREATE TEMP TABLE python_frames AS
SELECT
    mark,
    depth,
    little_endian(substr(digits, 2 * (place + function_at) + 1, 16)) AS function,
    little_endian(substr(digits, 2 * (place + file_at) + 1, 16)) AS file,
    little_endian(substr(digits, 2 * (place + line_at) + 1, 8))::BIGINT AS line
FROM (SELECT *, unnest(range(frames)) AS depth, frames_at + depth * frame_bytes AS place FROM python_marks)
