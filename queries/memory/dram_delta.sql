-- What did a change save in DRAM and L2 traffic?
--
-- Two ncu traces, in total and within chosen ranges: the range that does the work may have changed its name
-- (kv_write became nwor_commit). Where a workload flushes caches between steps, exclude those ranges: they are in
-- the total otherwise.
-- DRAM and L2 can move in opposite directions; read them together.
-- @param  baseline VARCHAR                  trace before the change
-- @param  variant VARCHAR                   trace after it
-- @param  baseline_range VARCHAR = '%'      LIKE pattern on the range path in the baseline
-- @param  variant_range VARCHAR = '%'       LIKE pattern on the range path in the variant
-- @param  exclude VARCHAR = NULL            LIKE pattern on range paths to leave out everywhere
-- @needs  metrics
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @column scope VARCHAR                     ranges (as chosen) or total
-- @column counter VARCHAR                   what is counted
-- @column baseline DOUBLE                   sum before; NULL if it was not measured
-- @column variant DOUBLE                    sum after
-- @column delta DOUBLE                      after minus before
-- @column delta_pct DOUBLE                  change in percent of before
-- @chart  paired_bars x=counter y=baseline y2=variant
-- @empty  Neither trace holds a kernel there: check the trace names (traceql ls) and the range patterns.

WITH innermost AS (
    SELECT kernel_id, arg_max(path, depth) AS path
    FROM kernel_ranges
    WHERE domain = '' AND style = 'pushpop'
    GROUP BY kernel_id
),
workloads AS (
    SELECT dram.*, traces.name = $variant AS is_variant, coalesce(path, '') AS path
    FROM dram
    JOIN traces USING (trace_id)
    LEFT JOIN innermost USING (kernel_id)
    WHERE traces.name IN ($baseline, $variant) AND ($exclude IS NULL OR coalesce(path, '') NOT LIKE $exclude)
),
scoped AS (
    SELECT 'ranges' AS scope, * FROM workloads
    WHERE path LIKE CASE WHEN is_variant THEN $variant_range ELSE $baseline_range END
    UNION ALL
    SELECT 'total', * FROM workloads
),
summed AS (
    SELECT
        scope,
        is_variant,
        sum(dram_write_bytes) AS dram_write_bytes,
        sum(dram_read_bytes) AS dram_read_bytes,
        sum(l2_write_sectors) AS l2_write_sectors,
        sum(l2_read_sectors) AS l2_read_sectors,
        sum(duration_ns)::DOUBLE AS gpu_ns,
        count(*)::DOUBLE AS kernels
    FROM scoped
    GROUP BY ALL
),
counters AS (
    FROM summed
    UNPIVOT INCLUDE NULLS (
        amount FOR counter IN (dram_write_bytes, dram_read_bytes, l2_write_sectors, l2_read_sectors, gpu_ns, kernels)
    )
),
paired AS (
    SELECT
        scope,
        counter,
        max(amount) FILTER (NOT is_variant) AS baseline,
        max(amount) FILTER (is_variant) AS variant
    FROM counters
    GROUP BY ALL
)
SELECT
    scope,
    counter,
    baseline,
    variant,
    variant - baseline AS delta,
    100.0 * (variant - baseline) / nullif(baseline, 0) AS delta_pct
FROM paired
ORDER BY
    scope,
    list_position(['dram_write_bytes', 'dram_read_bytes', 'l2_write_sectors', 'l2_read_sectors', 'gpu_ns', 'kernels'],
                  counter)
