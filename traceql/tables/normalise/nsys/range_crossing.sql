-- Which range lies in which, and which is innermost, on the rare threads where ranges of two domains cross.
--
-- The parent is the innermost range that holds the whole range, and current is the one that started last.
-- Where crossing ranges are open together, work counts for the one that started later (and its ancestors).
-- @when  crossed_threads

-- The thread's number is part of the compared keys, so that the two inequalities hold within one thread only
-- and DuckDB can sort and merge (IEJoin).
CREATE TEMP TABLE crossing AS
SELECT
    range_id,
    thread,
    min(at_ns) AS start_ns,
    max(at_ns) AS end_ns,
    dense_rank() OVER (ORDER BY thread)::HUGEINT << 64 AS base,
    row_number() OVER (ORDER BY thread, min(at_ns), max(at_ns) DESC, range_id) AS place
FROM stack_steps
SEMI JOIN crossed_threads USING (thread)
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

UPDATE traces SET warnings = list_append(
    warnings,
    'NVTX ranges cross on ' || (SELECT count(*) FROM crossed_threads)
        || ' threads: where two are open together, work counts for the one that started later.'
)
WHERE trace_id = getvariable('trace_id')
