-- Ranges nested as nsys nests them: start/end ranges of one thread hold others, too, and are held.
--
-- The range around one is the shortest of its thread that holds it.
-- Columns: range_id, holder_id (the range around it), level, range_stack, children.
-- @param  nested TABLE  rows with range_id: all ranges that count, as nvtx_gpu_proj_trace has them

WITH _nested AS (
    FROM query_table(nested)
),
ranges AS (
    SELECT range_id, trace_id, process_id, tid, style, start_ns, end_ns, parent_id, end_tid
    FROM nvtx_ranges
    WHERE range_id IN (SELECT range_id FROM _nested)
),
-- Of these, only the start/end ranges are looked for: the others know the one around them.
startend AS (
    FROM ranges WHERE style = 'startend' AND coalesce(end_tid, tid) = tid
),
holders AS (
    SELECT range_id, parent_id AS holder_id FROM ranges WHERE parent_id IS NOT NULL
    UNION
    SELECT ranges.range_id, startend.range_id
    FROM startend
    JOIN ranges USING (trace_id, process_id, tid)
    WHERE ranges.start_ns >= startend.start_ns AND ranges.end_ns <= startend.end_ns
        AND (ranges.start_ns, -ranges.end_ns, ranges.range_id)
            > (startend.start_ns, -startend.end_ns, startend.range_id)
        AND coalesce(ranges.end_tid, tid) = tid
    UNION
    SELECT startend.range_id, ranges.range_id
    FROM startend
    JOIN ranges USING (trace_id, process_id, tid)
    WHERE ranges.style = 'pushpop'
        AND startend.start_ns >= ranges.start_ns AND startend.end_ns <= ranges.end_ns
        AND (startend.start_ns, -startend.end_ns, startend.range_id)
            > (ranges.start_ns, -ranges.end_ns, ranges.range_id)
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
