-- What did a change do to latency, and to the tokens drafted, accepted, staged and committed?
--
-- Numbers that no profiler records. Of a trace, they come from its tags, or from imported runs that name it
-- in their tag `trace`, or share its tags nwor_mode and scv_mode. Runs without a trace are compared by their
-- names: that of their sweep, or SWEEP:NWOR/SCV of one with several modes (see the views trace_outcomes,
-- named_runs).
-- @of     runs
-- @param  baseline VARCHAR  trace before the change, or runs
-- @param  variant VARCHAR   trace after it, or runs
-- @column measure VARCHAR   what was measured
-- @column baseline DOUBLE   before; NULL if it was not measured
-- @column variant DOUBLE    after
-- @column delta DOUBLE      after minus before
-- @column delta_pct DOUBLE  change in percent of before
-- @column remark VARCHAR    why a number is NULL; empty if none is
-- @chart  paired_bars x=measure y=baseline y2=variant

WITH sides AS (
    SELECT trace_id, trace, sweep IS NOT NULL AS is_run, is_variant
    FROM measured_sides
    JOIN (VALUES ($baseline, false), ($variant, true)) AS asked(trace, is_variant) USING (trace)
),
numbers AS (
    FROM (
        SELECT sides.trace, is_run, is_variant, trace_outcomes.* EXCLUDE (trace_id, trace, token_bytes)
        FROM trace_outcomes
        JOIN sides USING (trace_id)
    )
    UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (trace, is_run, is_variant))))
)
SELECT
    measure,
    max(amount) FILTER (NOT is_variant) AS baseline,
    max(amount) FILTER (is_variant) AS variant,
    variant - baseline AS delta,
    percent(delta, baseline) AS delta_pct,
    coalesce(
        'not known of ' || string_agg(trace, ', ' ORDER BY is_variant) FILTER (amount IS NULL)
            || CASE WHEN bool_or(amount IS NULL AND NOT is_run)
                    THEN ' (traceql import-runs FILE --tag trace=NAME)' ELSE '' END,
        ''
    ) AS remark
FROM numbers
GROUP BY measure
ORDER BY measure
