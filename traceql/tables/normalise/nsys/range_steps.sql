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
WHERE style = 'pushpop' AND (end_ns > start_ns OR end_ns IS NULL);

CREATE TEMP TABLE lying_ranges AS
SELECT range_id, thread, start_ns
FROM nvtx_events
WHERE style = 'mark' OR (style = 'pushpop' AND end_ns <= start_ns);

-- One thread after the other, whose ranges all end: so steps are counted and depths added up across threads,
-- by windows that run along as the rows come.
CREATE TEMP TABLE stack_steps AS
WITH steps AS (
    SELECT range_id, thread, start_ns AS at_ns, true AS opens, -end_ns AS first_key, range_id AS second_key
    FROM stacked_ranges
    UNION ALL
    SELECT range_id, thread, end_ns, false, -start_ns, -range_id
    FROM stacked_ranges
)
SELECT
    range_id,
    thread,
    at_ns,
    opens,
    -- Of a start: the ranges around it. Of an end: the same, if ranges do not cross.
    (sum(CASE WHEN opens THEN 1 ELSE -1 END) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        - CASE WHEN opens THEN 1 ELSE 0 END)::INTEGER AS depth,
    row_number() OVER () AS step,
    lead(at_ns) OVER () IS DISTINCT FROM at_ns OR lead(thread) OVER () <> thread AS is_last
FROM (FROM steps ORDER BY thread, at_ns, opens, first_key, second_key);

-- A range with one more or one less around its end than around its start crosses another one.
CREATE TEMP TABLE uneven_ranges AS
SELECT starts.thread, starts.step
FROM stack_steps AS starts
JOIN stack_steps AS ends USING (range_id)
WHERE starts.opens AND NOT ends.opens AND starts.depth <> ends.depth;

CREATE TEMP TABLE crossed_threads AS
SELECT DISTINCT thread FROM uneven_ranges
