-- Where push/pop ranges of a thread begin and end, in order: all domains as one stack, as nsys nests them.
--
-- At equal times ends come before starts: a range holds its start, not its end. Of ranges with the same
-- start the longer one is outside; of equal ones, the one recorded first. A range never closed lasts to the
-- end of the trace. A range without length holds nothing, a mark neither, and start/end ranges belong to no
-- stack.
-- @when  nvtx_events

CREATE TEMP TABLE stacked_ranges AS
SELECT range_id, thread, start_ns, coalesce(end_ns, 9223372036854775807) AS end_ns
FROM nvtx_events
WHERE event_type = 59 AND (end_ns > start_ns OR end_ns IS NULL);

CREATE TEMP TABLE lying_ranges AS
SELECT range_id, thread, start_ns
FROM nvtx_events
WHERE event_type = 34 OR (event_type = 59 AND end_ns <= start_ns);

-- What rows are sorted by is all they hold, so that the engine sorts numbers alone.
--
-- One thread after the other, whose ranges all end: so steps are counted and depths added up across threads,
-- by windows that run along as the rows come. The parent of a range is the last one before it that is one
-- level up: of eight levels it is known from row to row, of more range_parents looks for it.
CREATE TEMP TABLE stack_steps AS
WITH steps AS (
    SELECT thread, start_ns AS at_ns, true AS opens, -end_ns AS first_key, range_id AS second_key
    FROM stacked_ranges
    UNION ALL
    SELECT thread, end_ns, false, -start_ns, -range_id
    FROM stacked_ranges
),
followed AS (
    SELECT
        abs(second_key) AS range_id,
        thread,
        at_ns,
        opens,
        -- Of a start: the ranges around it. Of an end: the same, if ranges do not cross.
        (sum(CASE WHEN opens THEN 1 ELSE -1 END) OVER so_far - CASE WHEN opens THEN 1 ELSE 0 END)::INTEGER
            AS depth,
        row_number() OVER () AS step,
        lead(at_ns) OVER () IS DISTINCT FROM at_ns OR lead(thread) OVER () <> thread AS is_last
    FROM (FROM steps ORDER BY thread, at_ns, opens, first_key, second_key)
    WINDOW so_far AS (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
levels AS (
    SELECT
        *,
        last_value(CASE WHEN opens AND depth = 0 THEN range_id END IGNORE NULLS) OVER so_far AS level_0,
        last_value(CASE WHEN opens AND depth = 1 THEN range_id END IGNORE NULLS) OVER so_far AS level_1,
        last_value(CASE WHEN opens AND depth = 2 THEN range_id END IGNORE NULLS) OVER so_far AS level_2,
        last_value(CASE WHEN opens AND depth = 3 THEN range_id END IGNORE NULLS) OVER so_far AS level_3,
        last_value(CASE WHEN opens AND depth = 4 THEN range_id END IGNORE NULLS) OVER so_far AS level_4,
        last_value(CASE WHEN opens AND depth = 5 THEN range_id END IGNORE NULLS) OVER so_far AS level_5,
        last_value(CASE WHEN opens AND depth = 6 THEN range_id END IGNORE NULLS) OVER so_far AS level_6,
        last_value(CASE WHEN opens AND depth = 7 THEN range_id END IGNORE NULLS) OVER so_far AS level_7
    FROM followed
    WINDOW so_far AS (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT
    range_id,
    thread,
    at_ns,
    opens,
    depth,
    step,
    is_last,
    CASE depth
        WHEN 1 THEN level_0
        WHEN 2 THEN level_1
        WHEN 3 THEN level_2
        WHEN 4 THEN level_3
        WHEN 5 THEN level_4
        WHEN 6 THEN level_5
        WHEN 7 THEN level_6
        WHEN 8 THEN level_7
    END AS parent_id,
    -- Ranges nest where each that ends is the last one that began at its level.
    NOT opens AND range_id IS DISTINCT FROM CASE depth
        WHEN 0 THEN level_0
        WHEN 1 THEN level_1
        WHEN 2 THEN level_2
        WHEN 3 THEN level_3
        WHEN 4 THEN level_4
        WHEN 5 THEN level_5
        WHEN 6 THEN level_6
        WHEN 7 THEN level_7
    END AS may_cross
FROM levels;

-- Which push/pop range lies in which.
CREATE TEMP VIEW stack_parents AS
SELECT range_id, thread, depth, parent_id FROM stack_steps WHERE opens;

-- A row if any range lies deeper.
CREATE TEMP TABLE parentless AS
SELECT 1
FROM stack_steps
WHERE depth > 8
LIMIT 1;

-- A row if ranges may cross.
CREATE TEMP TABLE crossed AS
SELECT 1
FROM stack_steps
HAVING bool_or(may_cross)
