-- Which push/pop range lies in which, and which one is innermost on a thread at any time.
--
-- Sorted by time, every start makes its range current and every end makes its parent current, so the running
-- sum of +1 and -1 is the depth, the parent is the last range before it that is one level up, and "current at
-- the time of a call" is one ASOF join: no comparison of every range with every call.
-- @when  nvtx_events

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

-- What is current from a moment on, and what lies around that which begins then and holds nothing: of several
-- steps at one time the last decides.
CREATE TEMP TABLE range_timeline AS
SELECT thread, at_ns, current_id AS range_id, current_id AS holder_id
FROM (
    SELECT thread, at_ns, CASE WHEN opens THEN range_id ELSE parent_id END AS current_id
    FROM stack_steps
    JOIN stack_parents USING (range_id, thread)
    WHERE is_last
)
