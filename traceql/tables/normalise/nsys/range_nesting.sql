-- Which push/pop range is innermost on a thread at any time.
--
-- Sorted by time, every start makes its range current and every end makes its parent current, and "current at
-- the time of a call" is one ASOF join: no comparison of every range with every call.
-- @when  nvtx_events

-- What is current from a moment on, and what lies around that which begins then and holds nothing: of several
-- steps at one time the last decides.
CREATE TEMP TABLE range_timeline AS
SELECT thread, at_ns, current_id AS range_id, current_id AS holder_id
FROM (
    SELECT thread, at_ns, CASE WHEN opens THEN range_id ELSE parent_id END AS current_id
    FROM stack_steps
    WHERE is_last
)
