-- Ranges that cross others come back beside the stack of their thread, in the stretches that hold them.
--
-- The parent of a range is the shortest range of its thread that holds it, as nsys has it; current is the one
-- that started last. Ranges that cross each other hold what is launched while they are open together, all of
-- them: range_beside says which ones the current range does not lie in.
--
-- The work is as much as there are crossing ranges open at each step. More than 128 at once are none that a
-- program means: there the rest of the stack counts alone.
-- @when  crossing

CREATE TEMP TABLE crossing_moments AS
WITH marked AS (
    SELECT
        crossing_steps.* EXCLUDE (crosses),
        crossing.range_id IS NOT NULL AS is_crossing,
        CASE WHEN opens THEN 1 ELSE -1 END AS change,
        -- What the step makes the innermost of those that cross none; 0 for none, NULL for no change.
        CASE WHEN is_crossing THEN NULL
             WHEN opens THEN crossing_steps.range_id
             ELSE coalesce(parent_id, 0) END AS nesting_id
    FROM crossing_steps
    LEFT JOIN crossing USING (range_id)
    LEFT JOIN stack_parents ON stack_parents.range_id = crossing_steps.range_id
),
followed AS (
    SELECT
        * EXCLUDE (change, nesting_id),
        last_value(nesting_id IGNORE NULLS) OVER steps AS nested_id,
        sum(change) FILTER (is_crossing) OVER steps AS open_crossing
    FROM marked
    WINDOW steps AS (PARTITION BY thread ORDER BY step)
)
SELECT
    *,
    open_crossing BETWEEN 1 AND 128 AS is_crossed,
    -- Not with FILTER: over such a frame that counts again for every row.
    count(CASE WHEN open_crossing BETWEEN 1 AND 128 THEN 1 END) OVER (
        ORDER BY thread, step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS crossed_before
FROM followed;

CREATE TEMP TABLE crossing_spans AS
SELECT
    range_id,
    thread,
    opened,
    closed,
    is_crossing,
    max(depth) FILTER (opens) AS depth,
    max(at_ns)::DOUBLE - min(at_ns) AS length_ns,
    min(crossed_before) AS first_crossed,
    max(crossed_before) AS after_crossed
FROM crossing_moments
GROUP BY range_id, thread, opened, closed, is_crossing;

-- The crossing ranges that are open after a step.
CREATE TEMP TABLE crossing_open AS
WITH held AS (
    SELECT range_id, opened, closed, length_ns, unnest(range(first_crossed, after_crossed)) AS crossed_before
    FROM crossing_spans
    WHERE is_crossing
)
SELECT moments.thread, step, at_ns, is_last, held.range_id, held.opened, held.closed, held.length_ns
FROM held
JOIN (FROM crossing_moments WHERE is_crossed) AS moments USING (crossed_before);

DELETE FROM range_timeline
WHERE (thread, at_ns) IN (SELECT (thread, at_ns) FROM crossing_moments WHERE is_last);

INSERT INTO range_timeline
WITH latest AS (
    SELECT
        thread,
        step,
        arg_max(range_id, opened) AS range_id,
        max(opened) AS opened,
        arg_min(range_id, (length_ns, -opened)) AS shortest_id,
        min((length_ns, -opened)) AS shortest
    FROM crossing_open
    WHERE is_last
    GROUP BY ALL
)
SELECT
    moments.thread,
    at_ns,
    CASE WHEN coalesce(latest.opened, 0) > coalesce(nested.opened, 0) THEN latest.range_id
         ELSE nested.range_id END,
    CASE WHEN nested.range_id IS NULL OR shortest < (nested.length_ns, -nested.opened) THEN shortest_id
         ELSE nested.range_id END
FROM (FROM crossing_moments WHERE is_last) AS moments
LEFT JOIN latest ON latest.thread = moments.thread AND latest.step = moments.step
LEFT JOIN crossing_spans AS nested ON nested.range_id = moments.nested_id;

DELETE FROM stack_steps WHERE opens AND range_id IN (SELECT range_id FROM crossing_spans);

INSERT INTO stack_steps BY NAME
WITH begun AS (
    SELECT range_id, thread, closed, opened - 1 AS step FROM crossing_spans
),
holding AS (
    SELECT begun.range_id, outer_range.range_id AS parent_id, outer_range.length_ns, outer_range.opened
    FROM begun
    JOIN crossing_moments USING (thread, step)
    JOIN crossing_spans AS outer_range ON outer_range.range_id = nested_id
    UNION ALL
    SELECT begun.range_id, crossing_open.range_id, length_ns, opened
    FROM begun
    JOIN crossing_open USING (thread, step)
    WHERE crossing_open.closed > begun.closed
)
SELECT range_id, thread, true AS opens, crossing_spans.depth,
       arg_min(parent_id, (holding.length_ns, -holding.opened)) AS parent_id
FROM crossing_spans
LEFT JOIN holding USING (range_id)
GROUP BY ALL;

UPDATE traces SET warnings = list_append(
    warnings, 'More than 128 NVTX ranges cross each other (of domains that keep no stack?): they miss work.'
)
WHERE trace_id = getvariable('trace_id') AND EXISTS (FROM crossing_moments WHERE open_crossing > 128)
