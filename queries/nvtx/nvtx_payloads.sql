-- Which values do the payloads of NVTX ranges hold?
--
-- An application can give each of its ranges and marks a number, or structures whose layouts it describes
-- (nvtxPayloadSchemaRegister). Each number, and each field of a structure, is a value by its own name.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = '*'  only ranges of this name or pattern
-- @param  field VARCHAR = '*'  only fields of this name or pattern; '' for numbers by themselves
-- @param  limit BIGINT = NULL  rows per trace, the first ones; NULL for all
-- @needs  nvtx_ranges
-- @column trace VARCHAR        name of the trace
-- @column domain VARCHAR       NVTX domain; empty for the default one
-- @column range VARCHAR        NVTX message
-- @column range_id BIGINT      the range or mark, see nvtx_ranges
-- @column start_ns BIGINT      its start
-- @column field VARCHAR        name of the field; empty for a number by itself
-- @column value DOUBLE         the value, if it is a number
-- @column value_text VARCHAR   the value as text
-- @chart  points x=start_ns y=value color=field
-- @empty  No range of that name has a payload. Exports hold structures with nsys export --include-blobs=true.

SELECT
    traces.trace,
    domain,
    text AS range,
    range_id,
    start_ns,
    field,
    value,
    value_text
FROM payload_values
JOIN nvtx_ranges USING (range_id)
JOIN chosen_traces($trace) AS traces ON traces.trace_id = nvtx_ranges.trace_id
WHERE is_like(coalesce(text, ''), $range) AND is_like(field, $field)
QUALIFY within_limit(
    row_number() OVER (PARTITION BY traces.trace ORDER BY start_ns, range_id, position), $limit
)
ORDER BY trace, start_ns, range_id, position
