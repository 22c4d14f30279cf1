-- Which push/pop range lies in which, and which one is innermost on a thread at any time.
--
-- Push/pop ranges of all domains form one stack per thread, as nsys nests them. Sorted by time, every start
-- makes its range current and every end makes its parent current, so the running sum of +1 and -1 is the
-- depth, the parent is the last range before it that is one level up, and "current at the time of a call"
-- is one ASOF join: no comparison of every range with every call.
--
-- At equal times ends come before starts: a range holds its start, not its end. Of ranges with the same
-- start the longer one is outside; of equal ones, the one recorded first. A range without length and a mark
-- lie in the range that is current, and hold nothing. A range never closed lasts to the end of the trace.
-- Start/end ranges belong to no stack.
--
-- A domain's own stack nests by construction, but ranges of two domains can cross: the step after this one
-- sees to the threads where they do.
-- @when  nvtx_events

CREATE TEMP TABLE stack_steps AS
WITH ranges AS (
    SELECT range_id, thread, start_ns, coalesce(end_ns, 9223372036854775807) AS end_ns
    FROM nvtx_events
    WHERE style = 'pushpop' AND (end_ns > start_ns OR end_ns IS NULL)
),
steps AS (
    SELECT range_id, thread, start_ns AS at_ns, true AS opens, -end_ns AS first_key, range_id AS second_key
    FROM ranges
    UNION ALL
    SELECT range_id, thread, end_ns, false, -start_ns, -range_id
    FROM ranges
)
SELECT
    range_id,
    thread,
    at_ns,
    opens,
    -- Of a start: the ranges around it. Of an end: the same, if ranges do not cross.
    (sum(CASE WHEN opens THEN 1 ELSE -1 END) OVER stack - CASE WHEN opens THEN 1 ELSE 0 END)::INTEGER
        AS depth,
    row_number() OVER stack AS step,
    lead(at_ns) OVER stack IS DISTINCT FROM at_ns AS is_last
FROM steps
WINDOW stack AS (PARTITION BY thread ORDER BY at_ns, opens, first_key, second_key);

CREATE TEMP TABLE stack_parents AS
WITH starts AS (
    SELECT range_id, thread, depth, step FROM stack_steps WHERE opens
)
SELECT inner_range.range_id, inner_range.thread, inner_range.depth, outer_range.range_id AS parent_id
FROM (SELECT *, depth - 1 AS outer_depth FROM starts) AS inner_range
ASOF LEFT JOIN starts AS outer_range
    ON outer_range.thread = inner_range.thread
    AND outer_range.depth = inner_range.outer_depth
    AND outer_range.step <= inner_range.step;

-- What is current from a moment on: of several steps at one time the last decides.
CREATE TEMP TABLE range_timeline AS
SELECT thread, at_ns, CASE WHEN opens THEN range_id ELSE parent_id END AS range_id
FROM stack_steps
JOIN stack_parents USING (range_id, thread)
WHERE is_last;

-- Where ranges cross, the depth at an end is not that at the start.
CREATE TEMP TABLE crossed_threads AS
SELECT DISTINCT starts.thread
FROM stack_steps AS starts
JOIN stack_steps AS ends USING (range_id)
WHERE starts.opens AND NOT ends.opens AND starts.depth <> ends.depth
