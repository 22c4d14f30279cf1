-- Ranges that cross others: on the rare threads where ranges of two domains do.
--
-- NVTX keeps one stack per thread and domain, so that a range of one domain can end while a range of another
-- that began inside it goes on. Such ranges are taken out of the stack of their thread, so that the others
-- nest, and come back beside them in range_joining.
-- @when  crossed_threads

CREATE TEMP TABLE crossing_steps AS
WITH ends AS (
    SELECT range_id, step AS closed FROM stack_steps WHERE NOT opens
),
starts AS (
    SELECT range_id, step AS opened FROM stack_steps WHERE opens
),
spans AS (
    SELECT stack_steps.*, opened, closed
    FROM stack_steps
    SEMI JOIN crossed_threads USING (thread)
    JOIN starts USING (range_id)
    JOIN ends USING (range_id)
)
SELECT
    *,
    -- Something that begins inside ends later, or something that ends inside began earlier.
    opens AND (max(closed) OVER inside > closed OR min(opened) OVER inside < opened) AS crosses
FROM spans
WINDOW inside AS (
    PARTITION BY thread ORDER BY step ROWS BETWEEN CURRENT ROW AND greatest(closed - step, 0) FOLLOWING
);

CREATE TEMP TABLE crossing AS
SELECT range_id, opened, closed FROM crossing_steps WHERE crosses;

CREATE TEMP TABLE uncrossed_ranges AS
FROM stacked_ranges
SEMI JOIN crossed_threads USING (thread)
WHERE range_id NOT IN (SELECT range_id FROM crossing);

DELETE FROM stack_steps WHERE thread IN (FROM crossed_threads);

INSERT INTO stack_steps FROM stack_of('uncrossed_ranges')
