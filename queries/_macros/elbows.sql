-- Where curves leave their flat part, as far as that is more than noise.
--
-- Columns: curve, elbow; no row of a curve that is flat or falls. Among the points E with two behind them,
-- the one for which y = c + b · max(0, x − E) with b > 0 leaves the smallest squares. It has to beat y = c.
-- Around a constant with equal normal noise, the hinge at one E of n points rises and leaves a share s of the
-- squares, or less, with a chance of I(s; a, ½) / 2, where a = n/2 − 1 (Student's t of its slope). Bounded
-- from above, that is Γ(a + ½) / Γ(a + 1) / √π · s^a / √(1 − s) / 2. Times the number of points E
-- (Bonferroni) it may be 0.5 % at most, and the rise has to be 5 % of c. Three points leave nothing to tell
-- noise by: it takes four.
-- @param  points TABLE  rows with curve, x and y; of a curve each x once, no NULLs

WITH measured AS (
    SELECT curve, x, y FROM query_table(points)
),
hinges AS (
    SELECT
        measured.curve,
        elbow.x AS elbow,
        count(*) / 2 - 1 AS half_freedom,
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
    SELECT
        *,
        count(*) OVER (PARTITION BY curve) AS tried
    FROM hinges
    WHERE behind >= 2 AND half_freedom >= 1
    QUALIFY slope > 0 AND row_number() OVER (
        PARTITION BY curve, slope > 0 ORDER BY share, elbow
    ) = 1
)
SELECT curve, elbow
FROM best
WHERE share < 1 AND rise >= 0.05 * level
    AND tried * exp(lgamma(half_freedom + 0.5) - lgamma(half_freedom + 1)) / sqrt(pi())
        * share ** half_freedom / sqrt(1 - share) / 2 <= 0.005
