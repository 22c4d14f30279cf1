-- NVTX events as the next steps need them: ranges and marks, numbered, with their names resolved.
--
-- Event types (ENUM_NSYS_EVENT_TYPE): 34 mark, 59 push/pop, 60 start/end; 33 names a category, 75 a domain,
-- both per process. A text is either in the row or in the string table, and one report can hold both.
-- @raw   NVTX_EVENTS
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads eventType    INTEGER
-- @reads category     BIGINT
-- @reads color        BIGINT
-- @reads text         VARCHAR
-- @reads globalTid    BIGINT
-- @reads endGlobalTid BIGINT
-- @reads textId       BIGINT
-- @reads domainId     BIGINT
-- @reads uint64Value  BIGINT
-- @reads int64Value   BIGINT
-- @reads doubleValue  DOUBLE
-- @reads uint32Value  BIGINT
-- @reads int32Value   BIGINT
-- @reads floatValue   DOUBLE
-- @reads jsonTextId   BIGINT
-- @reads jsonText     VARCHAR
-- @reads binaryData   BLOB
-- @numbers position
-- @of    NVTX_EVENTS

-- Where no payload has a layout, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS nvtx_payloads (domain_id BIGINT, binaryData BLOB, payload VARCHAR);

CREATE TEMP TABLE nvtx_events AS
WITH naming AS (
    SELECT
        eventType,
        position,
        globalTid & -16777216 AS process_id,
        coalesce(domainId, 0) AS domain_id,
        category,
        coalesce(text, strings.value) AS name
    FROM raw_NVTX_EVENTS
    LEFT JOIN strings ON strings.id = textId
    WHERE eventType IN (33, 75)
),
domains AS (
    SELECT process_id, domain_id, arg_min(name, position) AS name
    FROM naming
    WHERE eventType = 75
    GROUP BY ALL
),
categories AS (
    SELECT process_id, domain_id, category, arg_min(name, position) AS name
    FROM naming
    WHERE eventType = 33
    GROUP BY ALL
),
-- Counted as they come, which takes no sorting.
events AS (
    SELECT
        (getvariable('trace_id') << 32) + row_number() OVER () AS range_id,
        globalTid & -16777216 AS process_id,
        coalesce(domainId, 0) AS domain_id,
        *
    FROM raw_NVTX_EVENTS
    WHERE eventType IN (34, 59, 60)
)
SELECT
    range_id,
    coalesce(events.text, strings.value) AS text,
    CASE WHEN events.domain_id = 0 THEN ''
         ELSE coalesce(domains.name, 'domain ' || events.domain_id) END AS domain,
    coalesce(categories.name, nullif(events.category, 0)::VARCHAR) AS category,
    eventType AS event_type,
    start - getvariable('origin_ns') AS start_ns,
    "end" - getvariable('origin_ns') AS end_ns,
    globalTid AS thread,
    endGlobalTid AS end_thread,
    color AS color_argb,
    coalesce(
        nvtx_payloads.payload,
        jsonText,
        json.value,
        -- To see that there is no number is faster than to write none.
        CASE WHEN coalesce(uint64Value, int64Value, uint32Value, int32Value) IS NOT NULL
                  OR coalesce(doubleValue, floatValue) IS NOT NULL
             THEN coalesce(
                 -- An unsigned number of 64 bits is stored as a signed one.
                 (uint64Value + CASE WHEN uint64Value < 0 THEN 18446744073709551616 ELSE 0 END)::VARCHAR,
                 int64Value::VARCHAR, doubleValue::VARCHAR, uint32Value::VARCHAR, int32Value::VARCHAR,
                 floatValue::VARCHAR
             ) END
    ) AS payload
FROM events
LEFT JOIN strings ON strings.id = textId
LEFT JOIN domains ON domains.process_id = events.process_id AND domains.domain_id = events.domain_id
LEFT JOIN categories
    ON categories.process_id = events.process_id AND categories.domain_id = events.domain_id
    AND categories.category = events.category
LEFT JOIN strings AS json ON json.id = jsonTextId
LEFT JOIN nvtx_payloads
    ON nvtx_payloads.domain_id = events.domain_id AND nvtx_payloads.binaryData = events.binaryData;

CREATE TEMP TABLE startend_ranges AS
SELECT range_id, thread, start_ns, coalesce(end_ns, 9223372036854775807) AS end_ns
FROM nvtx_events
WHERE event_type = 60 AND coalesce(end_thread, thread) = thread
