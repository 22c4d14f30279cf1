-- One row per event of which no more is known than when it was and what it is called.
--
-- Functions and types have a text each; what else an event is called (a marker of PIX, a debug label) is told
-- beside that. A system call has as the attribute stack which of the trace's stacks of calls is around it, as
-- the lower 32 bits of stack_id in call_stacks number them; a call of Vulkan what the pipelines that it
-- created took. What the system tells of processes that are not the profiled ones is theirs alone.
-- @raw   OTHER_EVENTS
-- @reads source    VARCHAR
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads typeId    BIGINT
-- @reads nameId    BIGINT
-- @reads textId    BIGINT
-- @reads data      VARCHAR
-- @raw   GENERIC_EVENT_SOURCES
-- @reads sourceId BIGINT
-- @reads nameId   BIGINT
-- @raw   GENERIC_EVENT_TYPES
-- @reads typeId   BIGINT
-- @reads sourceId BIGINT
-- @reads nameId   BIGINT
-- @raw   GENERIC_EVENT_TYPE_FIELDS
-- @reads typeId      BIGINT
-- @reads fieldIdx    BIGINT
-- @reads fieldNameId BIGINT
-- @raw   GENERIC_EVENTS
-- @reads genericEventId BIGINT
-- @reads timestamp      BIGINT
-- @reads typeId         BIGINT
-- @reads globalTid      BIGINT
-- @reads data           VARCHAR
-- @raw   GENERIC_EVENT_DATA
-- @reads genericEventId BIGINT
-- @reads fieldIdx       BIGINT
-- @reads intVal         BIGINT
-- @reads uintVal        BIGINT
-- @reads floatVal       DOUBLE
-- @reads doubleVal      DOUBLE
-- @of    OTHER_EVENTS GENERIC_EVENTS
-- @fills generic_events = other_events

-- Where there are no stacks, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS chain_stacks (source VARCHAR, chain BIGINT, stack_id BIGINT);

CREATE TEMP TABLE other_events AS
WITH types AS (
    SELECT
        types.typeId,
        any_value(type_names.value) AS type_name,
        coalesce(bool_or(source_names.value = 'GenericCounters'), false) AS is_counter
    FROM raw_GENERIC_EVENT_TYPES AS types
    LEFT JOIN raw_GENERIC_EVENT_SOURCES AS sources ON sources.sourceId = types.sourceId
    LEFT JOIN strings AS source_names ON source_names.id = sources.nameId
    LEFT JOIN strings AS type_names ON type_names.id = types.nameId
    GROUP BY types.typeId
),
fields AS (
    SELECT typeId, fieldIdx, strings.value AS field
    FROM raw_GENERIC_EVENT_TYPE_FIELDS
    LEFT JOIN strings ON strings.id = fieldNameId
),
numbers AS (
    SELECT
        events.genericEventId AS event_id,
        '{' || string_agg(
            to_json(coalesce(field, 'field ' || counted.fieldIdx)) || ':'
            || coalesce(to_json(intVal), to_json(uintVal), to_json(floatVal), to_json(doubleVal), 'null'),
            ',' ORDER BY counted.fieldIdx
        ) || '}' AS data
    FROM raw_GENERIC_EVENTS AS events
    JOIN raw_GENERIC_EVENT_DATA AS counted ON counted.genericEventId = events.genericEventId
    LEFT JOIN fields ON fields.typeId = events.typeId AND fields.fieldIdx = counted.fieldIdx
    GROUP BY events.genericEventId
)
SELECT 'GENERIC_EVENTS' AS source, timestamp AS start, NULL::BIGINT AS "end", globalTid,
       nullif(type_name, '') AS type_name, NULL::BIGINT AS nameId, NULL::BIGINT AS textId,
       coalesce(numbers.data, events.data) AS data
FROM raw_GENERIC_EVENTS AS events
LEFT JOIN types ON types.typeId = events.typeId
LEFT JOIN numbers ON numbers.event_id = events.genericEventId
-- Samples of counters are in counter_samples.
WHERE NOT coalesce(is_counter, false)
UNION ALL
SELECT source, start, "end", globalTid, nullif(type_name, ''), nameId, textId, data
FROM raw_OTHER_EVENTS AS events
LEFT JOIN types ON types.typeId = events.typeId;

INSERT INTO generic_events BY NAME
WITH numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + row_number() OVER (
            ORDER BY start, globalTid, source, "end", nameId, textId, data
        ) AS generic_event_id,
        globalTid & -16777216 AS process_id,
        *
    FROM other_events
),
profiled AS (
    SELECT process_id FROM api_calls WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id FROM nvtx_ranges WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id FROM os_calls WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id FROM numbered WHERE source SIMILAR TO '\w+_(API|WORKLOAD)|SYSCALL\w*|MPI_\w+|UCP_\w+'
)
SELECT
    generic_event_id,
    getvariable('trace_id') AS trace_id,
    numbered.source,
    coalesce(named.value, texts.value, type_name) AS name,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    process_id,
    globalTid >> 24 & 16777215 AS pid,
    nullif(globalTid & 16777215, 0) AS tid,
    CASE
        WHEN coalesce(process_id, 0) <> 0 AND process_id NOT IN (SELECT process_id FROM profiled) THEN NULL
        WHEN named.value IS NOT NULL AND texts.value IS NOT NULL
            THEN json_merge_patch(coalesce(data, '{}'), json_object('text', texts.value))
        -- NULL takes the attribute away.
        WHEN numbered.source = 'SYSCALL'
            THEN json_merge_patch(data, json_object('callchainId', NULL, 'stack', stack_id & 4294967295))
        ELSE data
    END AS attributes
FROM numbered
LEFT JOIN chain_stacks
    ON chain_stacks.source = 'system' AND numbered.source = 'SYSCALL'
    AND chain_stacks.chain = (data ->> 'callchainId')::BIGINT
LEFT JOIN strings AS named ON named.id = numbered.nameId
LEFT JOIN strings AS texts ON texts.id = numbered.textId
