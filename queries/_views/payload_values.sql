-- One value of an NVTX payload: a number by itself, or each field of a structure, or of several.
--
-- Fields of structures in structures are called after both (inner.rows), elements of arrays by their number
-- (list[0]). What enumerates something has its name as text.
-- @needs  nvtx_ranges
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column range_id BIGINT      the range or mark, see nvtx_ranges
-- @column position BIGINT      place of the field in the payload, from 0
-- @column field VARCHAR        name of the field; empty for a number by itself
-- @column value DOUBLE         as a number, to 53 bits; NULL where it is none
-- @column value_text VARCHAR   as text, whole

WITH told AS (
    SELECT
        trace_id,
        range_id,
        payload,
        CASE
            WHEN NOT json_valid(payload) THEN NULL
            WHEN starts_with(payload, '{') THEN [payload::JSON]
            -- What an application itself tells as JSON may be an array of anything.
            WHEN starts_with(payload, '[')
                AND list_sort(list_distinct(json_type(payload, '$[*]'))) IN (['OBJECT'], ['NULL', 'OBJECT'])
                THEN payload -> '$[*]'
        END AS structures
    FROM nvtx_ranges
    WHERE payload IS NOT NULL
),
structures AS (
    SELECT
        trace_id,
        range_id,
        structures[number] AS structure,
        -- Fields of the structures before it.
        coalesce(list_sum([len(json_keys(one)) FOR one IN structures[:number - 1]]), 0)::BIGINT AS before
    FROM (SELECT *, generate_subscripts(structures, 1) AS number FROM told WHERE structures IS NOT NULL)
),
fields AS (
    SELECT
        trace_id,
        range_id,
        before + generate_subscripts(json_keys(structure), 1) - 1 AS position,
        unnest(json_keys(structure)) AS field,
        unnest(map_values(json_transform(structure, '"MAP(VARCHAR, JSON)"'))) AS content
    FROM structures
    WHERE json_type(structure) = 'OBJECT'
    UNION ALL
    SELECT trace_id, range_id, 0, '', to_json(payload) FROM told WHERE structures IS NULL
)
SELECT
    trace_id,
    trace,
    range_id,
    position,
    field,
    try_cast(content ->> '$' AS DOUBLE) AS value,
    content ->> '$' AS value_text
FROM fields
JOIN traces USING (trace_id)
