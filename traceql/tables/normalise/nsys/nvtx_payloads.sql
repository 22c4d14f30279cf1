-- Binary NVTX payloads as JSON: {"NCCL communicator ID":12567171041123002542,"Message size [bytes]":4096}.
--
-- Four numbers of 64 bits come first (domain, schema, size, where the payload begins), then the payload, laid
-- out as its schema says, little end first. Told are whole numbers, and names of those that enumerate
-- something. What NVTX calls an array, a text, a fraction or a structure is left out; so are fields that lie
-- outside their payload, and schemas of one number that two processes laid out differently.
-- Types: NVTX_PAYLOAD_ENTRY_TYPE_* of NVIDIA's nvToolsExtPayload.h; sizes as on 64-bit Linux.
-- @raw   NVTX_EVENTS
-- @reads eventType  INTEGER
-- @reads binaryData BLOB
-- @raw   NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads idx      BIGINT
-- @reads flags    BIGINT
-- @reads type     BIGINT
-- @reads name     VARCHAR
-- @reads offset   BIGINT
-- @of    NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @raw   NVTX_PAYLOAD_ENUM_ENTRIES
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads name     VARCHAR
-- @reads value    BIGINT

-- A number that stands in bytes as hexadecimal digits, the lowest byte first.
CREATE TEMP MACRO little_endian(digits) AS
    ('0x' || substr(digits, 15, 2) || substr(digits, 13, 2) || substr(digits, 11, 2) || substr(digits, 9, 2)
     || substr(digits, 7, 2) || substr(digits, 5, 2) || substr(digits, 3, 2) || substr(digits, 1, 2)
    )::UBIGINT;

CREATE TEMP TABLE nvtx_payloads AS
WITH number_types(type, size, is_signed) AS (
    VALUES
        (1, 1, true), (2, 1, false), (3, 2, true), (4, 2, false), (5, 4, true), (6, 4, false),
        (7, 8, true), (8, 8, false), (9, 8, true), (10, 8, false), (11, 1, true), (12, 1, false),
        (13, 2, true), (14, 2, false), (15, 4, true), (16, 4, false), (17, 8, true), (18, 8, false),
        (22, 8, false), (23, 8, false)
),
payloads AS (
    SELECT
        binaryData,
        little_endian(substr(digits, 1, 16)) AS domain_id,
        little_endian(substr(digits, 17, 16)) AS schema_id,
        substr(digits, 65) AS digits
    -- The same ones come again and again.
    FROM (
        SELECT DISTINCT binaryData, hex(binaryData) AS digits
        FROM raw_NVTX_EVENTS
        WHERE eventType IN (34, 59, 60)
    )
    WHERE length(digits) > 64
),
entries AS (
    SELECT
        domainId AS domain_id,
        schemaId AS schema_id,
        idx,
        any_value(name) AS name,
        any_value(type) AS type,
        any_value(coalesce("offset", 0)) AS begins
    FROM raw_NVTX_PAYLOAD_SCHEMA_ENTRIES
    WHERE coalesce(flags, 0) = 0 AND name IS NOT NULL AND coalesce("offset", 0) BETWEEN 0 AND 65536
    GROUP BY ALL
    HAVING count(DISTINCT (name, type, coalesce("offset", 0))) = 1
),
enums AS (
    SELECT domainId AS domain_id, schemaId AS type, coalesce(value, 0) AS value, any_value(name) AS name
    FROM raw_NVTX_PAYLOAD_ENUM_ENTRIES
    GROUP BY ALL
    HAVING count(DISTINCT name) = 1
),
fields AS (
    SELECT
        binaryData,
        idx,
        entries.name,
        domain_id,
        type,
        -- What enumerates something is an int.
        coalesce(size, 4) AS size,
        coalesce(is_signed, false) AS is_signed,
        little_endian(substr(digits, 2 * begins + 1, 2 * coalesce(size, 4))) AS number
    FROM payloads
    JOIN entries USING (domain_id, schema_id)
    LEFT JOIN number_types USING (type)
    WHERE (size IS NOT NULL OR (domain_id, type) IN (SELECT (domain_id, type) FROM enums))
        AND 2 * (begins + coalesce(size, 4)) <= length(digits)
)
SELECT
    binaryData,
    '{' || string_agg(
        to_json(fields.name) || ':' || coalesce(
            to_json(enums.name),
            CASE WHEN is_signed AND number >= 1::UBIGINT << (8 * size - 1)
                 THEN number::HUGEINT - (1::HUGEINT << (8 * size)) ELSE number::HUGEINT END::VARCHAR
        ),
        ',' ORDER BY idx
    ) || '}' AS payload
FROM fields
LEFT JOIN enums ON enums.domain_id = fields.domain_id AND enums.type = fields.type AND enums.value = number
GROUP BY binaryData
