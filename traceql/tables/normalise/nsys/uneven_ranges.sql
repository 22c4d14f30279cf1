-- Ranges around whose ends are more or fewer than around their starts: those cross others.
-- @when  crossed

CREATE TEMP TABLE uneven_ranges AS
SELECT starts.thread, starts.step
FROM stack_steps AS starts
JOIN stack_steps AS ends USING (range_id)
WHERE starts.opens AND NOT ends.opens AND starts.depth <> ends.depth;

CREATE TEMP TABLE crossed_threads AS
SELECT DISTINCT thread FROM uneven_ranges
