-- Did a change leave fewer short kernels?
--
-- Counts of two traces, as they are: compare recordings of the same work.
-- @param    baseline VARCHAR               trace before the change
-- @param    variant VARCHAR                trace after it
-- @param    shorter_than_ns BIGINT = 5000  kernels that run for less time
-- @needs    kernels
-- @column   counter VARCHAR                what is counted
-- @column   baseline BIGINT                before
-- @column   variant BIGINT                 after
-- @column   delta BIGINT                   after minus before
-- @chart    paired_bars x=counter y=baseline y2=variant
-- @compared any 30 Short kernels

WITH sides AS (
    SELECT trace_id, side = 'variant' AS is_variant FROM compared_traces([$baseline], [$variant])
),
counted AS (
    UNPIVOT (
        SELECT
            is_variant,
            count(*) AS launches,
            count(*) FILTER (is_short(duration_ns, $shorter_than_ns)) AS short_launches
        FROM kernel_lengths
        JOIN sides USING (trace_id)
        GROUP BY is_variant
    ) ON launches, short_launches INTO NAME counter VALUE amount
)
SELECT
    counter,
    max(amount) FILTER (NOT is_variant) AS baseline,
    max(amount) FILTER (is_variant) AS variant,
    variant - baseline AS delta
FROM counted
GROUP BY counter
ORDER BY counter
