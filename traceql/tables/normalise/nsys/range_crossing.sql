-- Ranges that cross others: on the rare threads where ranges of two domains do.
--
-- NVTX keeps one stack per thread and domain, so that a range of one domain can end while a range of another
-- that began inside it goes on. Such ranges are taken out of the stack of their thread, so that the others
-- nest, and come back beside them in range_joining. Only stretches of a thread between two moments without an
-- open range that hold such ranges are looked at: what lies in the others nests already.
-- @when  crossed_threads

CREATE TEMP TABLE crossed_stretches AS
WITH uneven AS (
    SELECT * FROM uneven_ranges
),
firsts AS (
    SELECT thread, step FROM stack_steps WHERE opens AND depth = 0
),
lasts AS (
    SELECT thread, step FROM stack_steps WHERE NOT opens AND depth = 0
)
SELECT DISTINCT uneven.thread, firsts.step AS first_step, lasts.step AS last_step
FROM uneven
ASOF JOIN firsts ON firsts.thread = uneven.thread AND firsts.step <= uneven.step
ASOF JOIN lasts ON lasts.thread = uneven.thread AND lasts.step >= uneven.step;

CREATE TEMP TABLE crossing_steps AS
WITH inside AS (
    SELECT thread, unnest(range(first_step, last_step + 1)) AS step FROM crossed_stretches
),
steps AS (
    FROM stack_steps SEMI JOIN inside USING (thread, step)
),
spans AS (
    SELECT steps.* EXCLUDE (parent_id, may_cross), opened, closed
    FROM steps
    JOIN (SELECT range_id, step AS opened FROM steps WHERE opens) USING (range_id)
    JOIN (SELECT range_id, step AS closed FROM steps WHERE NOT opens) USING (range_id)
)
SELECT
    *,
    -- Something that begins inside ends later, or something that ends inside began earlier.
    opens AND (max(closed) OVER inside > closed OR min(opened) OVER inside < opened) AS crosses
FROM spans
WINDOW inside AS (
    PARTITION BY thread ORDER BY step RANGE BETWEEN CURRENT ROW AND greatest(closed - step, 0) FOLLOWING
);

CREATE TEMP TABLE crossing AS
SELECT range_id, opened, closed FROM crossing_steps WHERE crosses;

DELETE FROM stack_steps
WHERE range_id IN (SELECT range_id FROM crossing_steps);

INSERT INTO stack_steps
SELECT
    range_id,
    thread,
    at_ns,
    opens,
    (sum(CASE WHEN opens THEN 1 ELSE -1 END) OVER stack - CASE WHEN opens THEN 1 ELSE 0 END)::INTEGER,
    step,
    is_last,
    NULL,
    NULL
FROM crossing_steps
WHERE range_id NOT IN (SELECT range_id FROM crossing)
WINDOW stack AS (PARTITION BY thread ORDER BY step);

INSERT INTO parentless SELECT 1
