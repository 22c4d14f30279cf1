-- When did each NVTX push/pop range run, and how much in its children?
--
-- Ranges that were closed.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = '*'   text or pattern of the ranges
-- @needs  nvtx_ranges
-- @column trace VARCHAR         name of the trace
-- @column start_ns BIGINT       start
-- @column end_ns BIGINT         end
-- @column duration_ns BIGINT    end minus start
-- @column children_ns BIGINT    sum of the push/pop ranges directly inside
-- @column own_ns BIGINT         the rest; as nsys has it, negative where ranges inside cross each other
-- @column domain VARCHAR        NVTX domain; empty for the default one
-- @column range VARCHAR         NVTX message
-- @column pid BIGINT            process
-- @column tid BIGINT            thread
-- @column depth INTEGER         ranges around it
-- @column children BIGINT       push/pop ranges directly inside
-- @column range_id BIGINT       the range, see nvtx_ranges
-- @column parent_id BIGINT      the range around it
-- @column range_stack VARCHAR   range_ids from the outermost range to this one, each after a colon
-- @column path VARCHAR          messages from the outermost range to this one, joined by /
-- @chart  timeline x=start_ns x2=end_ns y=range

WITH children AS (
    SELECT parent_id AS range_id, count(*) AS children, sum(duration_ns)::BIGINT AS children_ns
    FROM nvtx_ranges
    WHERE style = 'pushpop' AND parent_id IS NOT NULL
    GROUP BY parent_id
),
stacks AS (
    SELECT range_id, string_agg(':' || ancestor_id, '' ORDER BY levels DESC) AS range_stack
    FROM range_ancestors
    GROUP BY range_id
)
SELECT
    trace,
    start_ns,
    end_ns,
    nvtx_ranges.duration_ns,
    coalesce(children_ns, 0) AS children_ns,
    nvtx_ranges.duration_ns - coalesce(children_ns, 0) AS own_ns,
    domain,
    text AS range,
    pid,
    tid,
    depth,
    coalesce(children, 0) AS children,
    range_id,
    parent_id,
    range_stack,
    path
FROM nvtx_ranges
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN children USING (range_id)
LEFT JOIN stacks USING (range_id)
WHERE style = 'pushpop' AND end_ns IS NOT NULL AND is_like(coalesce(text, ''), $range)
ORDER BY trace, start_ns, range_id
