-- Where curves leave their flat part, as far as that is more than noise; a row for each curve.
--
-- Columns: curve, elbow, no_elbow (why there is none; NULL beside an elbow). Of the points E but the
-- last, the one for which y = c + b · max(0, x − E) with b > 0 leaves the smallest squares. It has to beat
-- y = c. At the first point there is no flat part before it: that is a rise, and no elbow.
-- Around a constant with equal normal noise, the hinge at one E of n points rises and leaves a share s of
-- the squares, or less, with a chance of I(s; a, ½) / 2, where a = n/2 − 1 (Student's t of its slope).
-- Bounded from above, that is Γ(a + ½) / Γ(a + 1) / √π · s^a / √(1 − s) / 2. Times the number of points E
-- (Bonferroni) it may be 0.5 % at most, and the rise has to be 5 % of c. Four points have two degrees of
-- freedom, too few to show a bend between them: there a rise by c that leaves 1.5 % will do, too, which
-- noise of 30 % of c makes no more often than that. Three points leave nothing to tell noise by.
-- @param  points TABLE  rows with curve, x and y; of a curve each x once, no NULLs

WITH measured AS (
    SELECT curve, x, y FROM query_table(points)
),
hinges AS (
    SELECT
        measured.curve,
        elbow.x AS elbow,
        count(*) AS points,
        points / 2 - 1 AS half_freedom,
        count(*) FILTER (measured.x < elbow.x) AS before,
        count(*) FILTER (measured.x > elbow.x) AS behind,
        regr_slope(y, greatest(0, measured.x - elbow.x)) AS slope,
        regr_intercept(y, greatest(0, measured.x - elbow.x)) AS level,
        slope * (max(measured.x) - elbow.x) AS rise,
        greatest(0, 1 - regr_r2(y, greatest(0, measured.x - elbow.x))) AS share
    FROM measured
    JOIN (SELECT curve, x FROM measured) AS elbow USING (curve)
    GROUP BY measured.curve, elbow.x
),
best AS (
    SELECT *
    FROM hinges
    WHERE behind >= 1 AND slope > 0 AND share < 1
    QUALIFY row_number() OVER (PARTITION BY curve ORDER BY share, elbow) = 1
),
judged AS (
    SELECT
        curve,
        sizes.points,
        elbow,
        before,
        rise >= 0.05 * level AND (
            (sizes.points - 1) * exp(lgamma(half_freedom + 0.5) - lgamma(half_freedom + 1)) / sqrt(pi())
                * share ** half_freedom / sqrt(1 - share) / 2 <= 0.005
            OR sizes.points = 4 AND rise >= level AND level > 0 AND share <= 0.015
        ) AS is_rise
    FROM (SELECT curve, count(*) AS points FROM measured GROUP BY curve) AS sizes
    LEFT JOIN best USING (curve)
)
SELECT
    curve,
    CASE WHEN points < 4 THEN 'no elbow: fewer than four points'
         WHEN is_rise IS NOT TRUE THEN 'no elbow: flat within noise, or falling'
         WHEN before = 0 THEN 'no elbow: rises from the first point on' END AS no_elbow,
    CASE WHEN no_elbow IS NULL THEN elbow END AS elbow
FROM judged
