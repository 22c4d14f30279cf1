-- Binary NVTX payloads as JSON: {"NCCL communicator ID":12567171041123002542,"Message size [bytes]":4096}.
--
-- First comes how many payloads there are, then of each its schema, its size and where it begins, all in 64
-- bits; then the payloads, laid out as their schemas say, little end first. Several are an array in their
-- order, with null for one of which nothing can be told. Told are numbers, and names of those that enumerate
-- something; of a structure in it those of its fields (inner.rows), of an array of fixed length those of its
-- elements (list[0]). What NVTX calls a text, a union or an array of any length is left out; so are fields
-- that lie outside their payload or do not say where they begin, what is larger than 64 KiB or nested more
-- than 8 times, payloads of an event after the first 1,024, and schemas of one domain and number that two
-- processes laid out differently.
-- Types: NVTX_PAYLOAD_ENTRY_TYPE_* of NVIDIA's nvToolsExtPayload.h; sizes as on 64-bit Linux.
-- @raw   NVTX_EVENTS
-- @reads eventType  INTEGER
-- @reads domainId   BIGINT
-- @reads binaryData BLOB
-- @raw   NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads idx      BIGINT
-- @reads flags    BIGINT
-- @reads type     BIGINT
-- @reads name     VARCHAR
-- @reads arrayOrUnionDetail BIGINT
-- @reads offset   BIGINT
-- @of    NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @raw   NVTX_PAYLOAD_SCHEMAS
-- @reads domainId    BIGINT
-- @reads schemaId    BIGINT
-- @reads type        BIGINT
-- @reads payloadSize BIGINT
-- @raw   NVTX_PAYLOAD_ENUMS
-- @reads domainId BIGINT
-- @reads schemaId BIGINT
-- @reads size     BIGINT
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
WITH RECURSIVE number_types(type, size, form) AS (
    VALUES
        (1, 1, 'signed'), (2, 1, 'unsigned'), (3, 2, 'signed'), (4, 2, 'unsigned'), (5, 4, 'signed'),
        (6, 4, 'unsigned'), (7, 8, 'signed'), (8, 8, 'unsigned'), (9, 8, 'signed'), (10, 8, 'unsigned'),
        (11, 1, 'signed'), (12, 1, 'unsigned'), (13, 2, 'signed'), (14, 2, 'unsigned'), (15, 4, 'signed'),
        (16, 4, 'unsigned'), (17, 8, 'signed'), (18, 8, 'unsigned'), (19, 4, 'float'), (20, 8, 'double'),
        (22, 8, 'unsigned'), (23, 8, 'unsigned'), (32, 1, 'unsigned'), (43, 4, 'float'), (44, 8, 'double'),
        (68, 4, 'unsigned'), (69, 4, 'unsigned'), (70, 8, 'unsigned'), (71, 4, 'unsigned'),
        (72, 8, 'unsigned'), (73, 4, 'unsigned'), (74, 8, 'unsigned')
),
-- The same ones come again and again.
events AS MATERIALIZED (
    SELECT row_number() OVER () AS event, *, length(digits) // 2 AS bytes
    FROM (
        SELECT DISTINCT coalesce(domainId, 0) AS domain_id, binaryData, hex(binaryData) AS digits
        FROM raw_NVTX_EVENTS
        WHERE eventType IN (34, 59, 60)
    )
    WHERE length(digits) >= 16
),
heads AS (
    SELECT
        event,
        number,
        little_endian(substr(head, 1, 16)) AS schema_id,
        least(little_endian(substr(head, 33, 16)), bytes)::BIGINT AS begins,
        least(little_endian(substr(head, 17, 16)), bytes - begins)::BIGINT AS size
    FROM (
        SELECT event, bytes, unnest(range(payloads)) AS number, substr(digits, 17 + 48 * number, 48) AS head
        FROM (
            SELECT *, least(little_endian(substr(digits, 1, 16)), (bytes - 8) // 24, 1024)::BIGINT AS payloads
            FROM events
        )
    )
),
-- With their heads they hold no more than there is; made-up ones may each hold all of it.
counted AS (
    SELECT event, count(*) AS payloads
    FROM heads
    JOIN events USING (event)
    GROUP BY event
    HAVING sum(24 + size) <= any_value(bytes) - 8
),
payloads AS (
    SELECT domain_id, event, number, schema_id, substr(digits, 2 * begins + 1, 2 * size) AS digits
    FROM heads
    JOIN events USING (event)
    SEMI JOIN counted USING (event)
),
structures AS (
    SELECT coalesce(domainId, 0) AS domain_id, schemaId AS type, any_value(payloadSize) AS size
    FROM raw_NVTX_PAYLOAD_SCHEMAS
    WHERE coalesce(raw_NVTX_PAYLOAD_SCHEMAS.type, 1) = 1
    GROUP BY ALL
    HAVING count(DISTINCT coalesce(payloadSize, -1)) = 1
),
enum_sizes AS (
    SELECT coalesce(domainId, 0) AS domain_id, schemaId AS type, any_value(size) AS size
    FROM raw_NVTX_PAYLOAD_ENUMS
    GROUP BY ALL
    HAVING count(DISTINCT coalesce(size, -1)) = 1
),
own_entries AS (
    SELECT
        coalesce(domainId, 0) AS domain_id,
        schemaId AS schema_id,
        idx,
        any_value(name) AS name,
        any_value(type) AS type,
        any_value(coalesce("offset", 0)) AS begins,
        any_value(CASE WHEN flags = 16 THEN coalesce(arrayOrUnionDetail, 0) END) AS elements
    FROM raw_NVTX_PAYLOAD_SCHEMA_ENTRIES
    -- An entry that does not say where it begins follows the one before it, aligned: only the first is known.
    WHERE coalesce(flags, 0) IN (0, 16) AND name IS NOT NULL AND ("offset" BETWEEN 1 AND 65536 OR idx = 0)
    GROUP BY ALL
    HAVING count(DISTINCT (name, type, coalesce("offset", 0), coalesce(flags, 0), arrayOrUnionDetail)) = 1
),
-- Each element of an array by itself.
single_entries AS (
    SELECT domain_id, schema_id, idx, -1 AS element, name, type, begins
    FROM own_entries
    WHERE elements IS NULL
    UNION ALL
    SELECT
        domain_id,
        schema_id,
        idx,
        element,
        name || '[' || element || ']',
        type,
        begins + element * coalesce(number_types.size, enum_sizes.size, structures.size)
    FROM (
        SELECT *, unnest(range(elements)) AS element FROM own_entries WHERE elements BETWEEN 1 AND 1024
    )
    LEFT JOIN number_types USING (type)
    LEFT JOIN enum_sizes USING (domain_id, type)
    LEFT JOIN structures USING (domain_id, type)
    WHERE coalesce(number_types.size, enum_sizes.size, structures.size) > 0
),
entries AS (
    SELECT domain_id, schema_id, [idx, element] AS place, name, type, begins, 0 AS levels
    FROM single_entries
    UNION ALL
    -- No application has as many fields at one depth as this; a made-up layout may mean any number of them.
    FROM (
        SELECT
            outer_one.domain_id,
            outer_one.schema_id,
            outer_one.place || [inner_one.idx, inner_one.element],
            outer_one.name || '.' || inner_one.name,
            inner_one.type,
            outer_one.begins + inner_one.begins,
            levels + 1
        FROM entries AS outer_one
        JOIN structures ON structures.domain_id = outer_one.domain_id AND structures.type = outer_one.type
        JOIN single_entries AS inner_one
            ON inner_one.domain_id = outer_one.domain_id AND inner_one.schema_id = outer_one.type
        WHERE levels < 8 AND outer_one.begins + inner_one.begins <= 65536
        LIMIT 65536
    )
),
enums AS (
    SELECT
        coalesce(domainId, 0) AS domain_id,
        schemaId AS type,
        coalesce(value, 0) AS value,
        any_value(name) AS name
    FROM raw_NVTX_PAYLOAD_ENUM_ENTRIES
    GROUP BY ALL
    HAVING count(DISTINCT name) = 1
),
fields AS (
    SELECT
        event,
        payloads.number AS payload,
        place,
        entries.name,
        domain_id,
        type,
        -- What enumerates something is an int, if nothing tells its size.
        coalesce(number_types.size, nullif(enum_sizes.size, 0), 4) AS size,
        coalesce(form, 'unsigned') AS form,
        little_endian(
            substr(digits, 2 * begins + 1, 2 * coalesce(number_types.size, nullif(enum_sizes.size, 0), 4))
        ) AS number
    FROM payloads
    JOIN entries USING (domain_id, schema_id)
    LEFT JOIN number_types USING (type)
    LEFT JOIN enum_sizes USING (domain_id, type)
    WHERE (number_types.size IS NOT NULL OR (domain_id, type) IN (SELECT (domain_id, type) FROM enums))
        AND 2 * (begins + coalesce(number_types.size, nullif(enum_sizes.size, 0), 4)) <= length(digits)
),
objects AS (
    SELECT
        event,
        payload AS number,
        '{' || string_agg(
            to_json(fields.name) || ':' || coalesce(
                to_json(enums.name),
                CASE
                    -- What is no number is nothing in JSON.
                    WHEN form = 'double' AND isfinite(number::BIT::DOUBLE) THEN to_json(number::BIT::DOUBLE)
                    WHEN form = 'float' AND isfinite(try_cast(number AS UINTEGER)::BIT::FLOAT)
                        THEN to_json(try_cast(number AS UINTEGER)::BIT::FLOAT)
                    WHEN form IN ('double', 'float') THEN 'null'
                    WHEN form = 'signed' AND number >= 1::UBIGINT << (8 * size - 1)
                        THEN (number::HUGEINT - (1::HUGEINT << (8 * size)))::VARCHAR
                    ELSE number::VARCHAR
                END
            ),
            ',' ORDER BY place
        ) || '}' AS told
    FROM fields
    LEFT JOIN enums
        ON enums.domain_id = fields.domain_id AND enums.type = fields.type AND enums.value = number
    GROUP BY event, payload
),
answers AS (
    SELECT
        event,
        CASE WHEN any_value(payloads) = 1 THEN any_value(told)
             ELSE '[' || string_agg(coalesce(told, 'null'), ',' ORDER BY number) || ']' END AS payload
    FROM heads
    JOIN counted USING (event)
    LEFT JOIN objects USING (event, number)
    GROUP BY event
    HAVING count(told) > 0
)
SELECT domain_id, binaryData, payload
FROM events
JOIN answers USING (event)
