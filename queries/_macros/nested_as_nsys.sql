-- Ranges nested as nsys nests them: start/end ranges of one thread hold others, too, and are held.
--
-- The range around one is the shortest of its thread that holds it.
-- Columns: range_id, holder_id (the range around it), level, range_stack, children.
-- @param  nested TABLE  rows with range_id: all ranges that count, as nvtx_gpu_proj_trace has them

WITH ranges AS (
    SELECT range_id, trace_id, process_id, tid, style, start_ns, end_ns, parent_id, end_tid
    FROM nvtx_ranges
    WHERE range_id IN (SELECT range_id FROM query_table(nested))
),
-- Push/pop ranges know the one around them; only start/end ranges are looked for.
holders AS (
    SELECT range_id, parent_id AS holder_id FROM ranges WHERE parent_id IS NOT NULL
    UNION
    SELECT ranges.range_id, holders.range_id
    FROM ranges AS holders
    JOIN ranges
        ON ranges.trace_id = holders.trace_id AND ranges.process_id = holders.process_id
        AND ranges.tid = holders.tid AND ranges.start_ns >= holders.start_ns
        AND ranges.end_ns <= holders.end_ns AND ranges.range_id > holders.range_id
    WHERE (holders.style = 'startend' OR ranges.style = 'startend')
        AND coalesce(holders.end_tid, holders.tid) = holders.tid
        AND coalesce(ranges.end_tid, ranges.tid) = ranges.tid
),
around AS (
    SELECT holders.range_id, arg_max(holder_id, (-(end_ns - start_ns), holder_id)) AS holder_id
    FROM holders
    JOIN ranges ON ranges.range_id = holder_id
    GROUP BY holders.range_id
),
stacked AS (
    WITH RECURSIVE stacks AS (
        SELECT range_id, NULL::BIGINT AS holder_id, 0 AS level, ':' || range_id AS range_stack
        FROM ranges
        WHERE range_id NOT IN (SELECT range_id FROM around)
        UNION ALL
        SELECT around.range_id, around.holder_id, level + 1, range_stack || ':' || around.range_id
        FROM stacks
        JOIN around ON around.holder_id = stacks.range_id
    )
    FROM stacks
),
held AS (
    SELECT holder_id AS range_id, count(*) AS children FROM around GROUP BY holder_id
)
SELECT range_id, holder_id, level, range_stack, coalesce(children, 0) AS children
FROM stacked
LEFT JOIN held USING (range_id)
