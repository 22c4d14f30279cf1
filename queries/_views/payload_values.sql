-- One value of an NVTX payload: a number by itself, or each field of a structure.
--
-- Fields of structures in structures are called after both (inner.rows), elements of arrays by their number
-- (list[0]). What enumerates something has its name as text.
-- @needs  nvtx_ranges
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column range_id BIGINT      the range or mark, see nvtx_ranges
-- @column position BIGINT      place of the field in its payload, from 0
-- @column field VARCHAR        name of the field; empty for a number by itself
-- @column value DOUBLE         as a number, to 53 bits; NULL where it is none
-- @column value_text VARCHAR   as text, whole

WITH told AS (
    SELECT trace_id, range_id, payload, json_valid(payload) AND starts_with(payload, '{') AS has_fields
    FROM nvtx_ranges
    WHERE payload IS NOT NULL
),
fields AS (
    SELECT
        told.trace_id,
        told.range_id,
        generate_subscripts(json_keys(payload), 1) - 1 AS position,
        unnest(json_keys(payload)) AS field,
        unnest(map_values(json_transform(payload, '"MAP(VARCHAR, JSON)"'))) AS content
    FROM told
    WHERE has_fields
    UNION ALL
    SELECT trace_id, range_id, 0, '', to_json(payload) FROM told WHERE NOT has_fields
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
