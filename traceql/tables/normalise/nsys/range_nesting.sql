-- Which NVTX range lies in which, and which one is innermost on a thread at any time.
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
-- A domain's own stack nests by construction, but ranges of two domains can cross: on such threads the
-- parent is the innermost range that holds the whole range, and current is the one that started last.
-- Where crossing ranges are open together, work counts for the one that started later (and its ancestors).
-- @fills range_ancestors

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

-- The rare threads with crossing ranges. The thread's number is part of the compared keys, so that the two
-- inequalities hold within one thread only and DuckDB can sort and merge (IEJoin).
CREATE TEMP TABLE crossing AS
WITH crossed AS (
    SELECT DISTINCT starts.thread
    FROM stack_steps AS starts
    JOIN stack_steps AS ends USING (range_id)
    WHERE starts.opens AND NOT ends.opens AND starts.depth <> ends.depth
)
SELECT
    range_id,
    thread,
    min(at_ns) AS start_ns,
    max(at_ns) AS end_ns,
    dense_rank() OVER (ORDER BY thread)::HUGEINT << 64 AS base,
    row_number() OVER (ORDER BY thread, min(at_ns), max(at_ns) DESC, range_id) AS place
FROM stack_steps
SEMI JOIN crossed USING (thread)
GROUP BY range_id, thread;

CREATE TEMP TABLE crossing_timeline AS
WITH moments AS (
    SELECT thread, base, unnest([start_ns, end_ns]) AS at_ns FROM crossing
),
distinct_moments AS (
    SELECT DISTINCT thread, base, at_ns, base + at_ns AS moment FROM moments
),
current AS (
    SELECT moment, arg_max(range_id, place) AS range_id
    FROM distinct_moments
    JOIN (SELECT range_id, place, base + start_ns AS from_moment, base + end_ns AS to_moment FROM crossing)
        ON from_moment <= moment AND to_moment > moment
    GROUP BY moment
)
SELECT thread, at_ns, current.range_id
FROM distinct_moments
LEFT JOIN current USING (moment);

CREATE TEMP TABLE crossing_parents AS
WITH keyed AS (
    SELECT range_id, thread, place, base + end_ns AS to_moment FROM crossing
)
SELECT inner_range.range_id, inner_range.thread, arg_max(outer_range.range_id, outer_range.place) AS parent_id
FROM keyed AS inner_range
LEFT JOIN keyed AS outer_range
    ON outer_range.place < inner_range.place AND outer_range.to_moment >= inner_range.to_moment
GROUP BY ALL;

DELETE FROM range_timeline WHERE thread IN (SELECT thread FROM crossing);
INSERT INTO range_timeline SELECT thread, at_ns, range_id FROM crossing_timeline;
DELETE FROM stack_parents WHERE thread IN (SELECT thread FROM crossing);
INSERT INTO stack_parents SELECT range_id, thread, NULL, parent_id FROM crossing_parents;

-- Every range with its parent: those of the stacks, what merely lies in them, and start/end ranges.
CREATE TEMP TABLE range_tree AS
WITH lying AS (
    SELECT leaf.range_id, range_timeline.range_id AS parent_id
    FROM (FROM nvtx_events WHERE style = 'mark' OR (style = 'pushpop' AND end_ns <= start_ns)) AS leaf
    ASOF LEFT JOIN range_timeline
        ON range_timeline.thread = leaf.thread AND range_timeline.at_ns <= leaf.start_ns
),
placed AS (
    SELECT range_id, parent_id, depth FROM stack_parents
    UNION ALL
    SELECT lying.range_id, lying.parent_id, coalesce(depth + 1, 0)
    FROM lying LEFT JOIN stack_parents ON stack_parents.range_id = lying.parent_id
    UNION ALL
    SELECT range_id, NULL, 0 FROM nvtx_events WHERE style = 'startend'
)
SELECT range_id, parent_id, depth, coalesce(text, '') AS text
FROM placed JOIN nvtx_events USING (range_id);

-- From every range up to the outermost one. Programs that forget to close ranges nest them without end:
-- 128 levels are enough for anything that nests on purpose.
CREATE TEMP TABLE range_climbs AS
WITH RECURSIVE climbs AS (
    SELECT range_id, range_id AS ancestor_id, parent_id AS next_id, 0 AS levels, text AS path
    FROM range_tree
    UNION ALL
    SELECT climbs.range_id, next_id, parent_id, levels + 1, text || '/' || path
    FROM climbs
    JOIN range_tree ON range_tree.range_id = climbs.next_id
    WHERE levels < 127
)
FROM climbs;

INSERT INTO range_ancestors BY NAME
SELECT getvariable('trace_id') AS trace_id, range_id, ancestor_id, levels FROM range_climbs;

CREATE TEMP TABLE range_places AS
SELECT
    range_id,
    range_tree.parent_id,
    coalesce(range_tree.depth, levels) AS depth,
    CASE WHEN next_id IS NULL THEN path ELSE '…/' || path END AS path
FROM range_climbs
JOIN range_tree USING (range_id)
WHERE next_id IS NULL OR levels = 127;

UPDATE traces SET warnings = list_append(
    warnings, 'NVTX ranges nest more than 128 deep (never closed?): outer ones miss work of inner ones.'
)
WHERE trace_id = getvariable('trace_id')
  AND EXISTS (FROM range_climbs WHERE levels = 127 AND next_id IS NOT NULL);

UPDATE traces SET warnings = list_append(
    warnings,
    'NVTX ranges cross on ' || (SELECT count(DISTINCT thread) FROM crossing)
        || ' threads: where two are open together, work counts for the one that started later.'
)
WHERE trace_id = getvariable('trace_id') AND EXISTS (FROM crossing)
