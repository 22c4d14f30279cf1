-- What did a change do to latency, and to the tokens drafted, accepted, staged and committed?
--
-- Numbers that no profiler records: they come from a trace's tags, or from imported runs that name the trace
-- in their tag `trace`, or share its tags nwor_mode and scv_mode (see the view trace_outcomes).
-- @param  baseline VARCHAR  trace before the change
-- @param  variant VARCHAR   trace after it
-- @column measure VARCHAR   what was measured
-- @column baseline DOUBLE   before; NULL if it was not measured
-- @column variant DOUBLE    after
-- @column delta DOUBLE      after minus before
-- @column delta_pct DOUBLE  change in percent of before
-- @column remark VARCHAR    why a number is NULL; empty if none is
-- @chart  paired_bars x=measure y=baseline y2=variant

WITH sides AS (
    SELECT trace_id, trace, side = 'variant' AS is_variant
    FROM compared_traces([$baseline], [$variant])
),
numbers AS (
    FROM (
        SELECT trace_outcomes.trace, is_variant, trace_outcomes.* EXCLUDE (trace_id, trace)
        FROM trace_outcomes
        JOIN sides USING (trace_id)
    )
    UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (trace, is_variant))))
)
SELECT
    measure,
    max(amount) FILTER (NOT is_variant) AS baseline,
    max(amount) FILTER (is_variant) AS variant,
    variant - baseline AS delta,
    percent(delta, baseline) AS delta_pct,
    coalesce(
        'not known of ' || string_agg(trace, ', ' ORDER BY is_variant) FILTER (amount IS NULL)
            || ' (traceql import-runs FILE --tag trace=NAME)',
        ''
    ) AS remark
FROM numbers
GROUP BY measure
ORDER BY measure
