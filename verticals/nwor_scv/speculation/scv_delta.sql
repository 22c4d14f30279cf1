-- What did a change do to the host's work in an NVTX range: time, launches, graph replays and waiting?
--
-- Two traces. Those of nsys tell time, calls and kernels, those of ncu kernels and warps. Where the range is
-- absent everything is NULL: what did not run did not get cheaper. vLLM forks with SCV wrap the vectorised
-- mask in the range scv_compute_mask, but may leave out the graph replay, and run none of it with NWOR off.
-- One slow instance moves a mean, so medians stand beside it. Where nsys traced the nodes of a graph one by
-- one (replays_by_node), a replay takes longer than it does without: its time is no less than that of the
-- replay.
-- @of     runs
-- @param  baseline VARCHAR              trace before the change, or runs (of which nothing is known here)
-- @param  variant VARCHAR               trace after it, or runs
-- @param  range VARCHAR = 'scv_compute_mask'  text of the range
-- @needs  kernel_ranges kernels
-- @metrics sm__warps_launched.sum
-- @column measure VARCHAR               what is counted; see the view range_costs
-- @column baseline DOUBLE               sum before; NULL if it was not recorded
-- @column variant DOUBLE                sum after
-- @column delta DOUBLE                  after minus before
-- @column delta_pct DOUBLE              change in percent of before
-- @column baseline_per_instance DOUBLE  before ÷ instances of the range
-- @column variant_per_instance DOUBLE   after ÷ instances of the range
-- @column median_baseline_per_instance DOUBLE  median over the instances before; NULL from ncu
-- @column median_variant_per_instance DOUBLE  median over the instances after
-- @column remark VARCHAR                why a number is NULL, or too large; empty if none is
-- @chart  paired_bars x=measure y=baseline_per_instance y2=variant_per_instance
-- @compared timeline 20 What the mask of accepted tokens costs the host | drawn

WITH sides AS (
    SELECT trace_id, trace, has_timeline, missing, sweep IS NOT NULL AS is_run, is_variant
    FROM measured_sides
    JOIN (VALUES ($baseline, false), ($variant, true)) AS asked(trace, is_variant) USING (trace)
),
costs AS (
    SELECT
        sides.trace,
        has_timeline,
        is_run,
        is_variant,
        range IS NULL AS absent,
        range_costs.* EXCLUDE (trace_id, trace, range)
            -- Ranges were recorded, but not this one: it ran 0 times.
            REPLACE (CASE WHEN range IS NULL AND has_timeline AND NOT list_contains(missing, 'nvtx_ranges')
                          THEN 0 ELSE instances END AS instances)
    FROM sides
    LEFT JOIN range_costs ON range_costs.trace_id = sides.trace_id AND range = $range
),
medians AS (
    SELECT is_variant, measure.replace('median_', '') AS measure, median
    FROM (SELECT is_variant, COLUMNS('median_.*') FROM costs)
    UNPIVOT (median FOR measure IN (COLUMNS(* EXCLUDE (is_variant))))
),
numbers AS (
    SELECT
        *,
        max(amount) FILTER (measure = 'instances') OVER (PARTITION BY is_variant) AS instances,
        CASE
            WHEN measure IN ('graph_replay_ns', 'host_ns') AND amount > 0
                AND max(amount) FILTER (measure = 'replays_by_node') OVER (PARTITION BY is_variant) > 0
                THEN 'with the tracing of every node of a graph in ' || trace
                    || ': nsys profile --cuda-graph-trace=graph'
            WHEN amount IS NOT NULL THEN NULL
            WHEN is_run THEN trace || ' has no trace'
            WHEN absent THEN 'no range ' || $range || ' in ' || trace
            WHEN NOT has_timeline AND measure = 'instances'
                THEN trace || ' does not tell: ingest it with --tag steps=N'
            WHEN NOT has_timeline AND measure NOT IN ('kernels', 'gpu_ns', 'warps')
                THEN 'ncu records none (' || trace || ')'
            WHEN NOT has_timeline AND measure = 'warps'
                THEN 'not measured in ' || trace || ': ncu --metrics sm__warps_launched.sum'
            WHEN measure = 'warps' THEN 'nsys records none (' || trace || ')'
            WHEN measure IN ('kernels', 'gpu_ns') THEN 'kernels of CUDA graphs are not recorded in ' || trace
            ELSE 'not recorded in ' || trace
        END AS reason
    FROM (SELECT COLUMNS(lambda name: NOT starts_with(name, 'median_')) FROM costs)
    UNPIVOT INCLUDE NULLS (
        amount FOR measure IN (COLUMNS(* EXCLUDE (trace, has_timeline, is_run, is_variant, absent)))
    )
)
SELECT
    measure,
    max(amount) FILTER (NOT is_variant)::DOUBLE AS baseline,
    max(amount) FILTER (is_variant)::DOUBLE AS variant,
    variant - baseline AS delta,
    percent(delta, baseline) AS delta_pct,
    max(amount / nullif(instances, 0)) FILTER (NOT is_variant) AS baseline_per_instance,
    max(amount / nullif(instances, 0)) FILTER (is_variant) AS variant_per_instance,
    max(median) FILTER (NOT is_variant) AS median_baseline_per_instance,
    max(median) FILTER (is_variant) AS median_variant_per_instance,
    coalesce(string_agg(reason, '; ' ORDER BY is_variant), '') AS remark
FROM numbers
LEFT JOIN medians USING (is_variant, measure)
GROUP BY measure
ORDER BY
    list_position(
        ['instances', 'host_ns', 'launches', 'launch_ns', 'graph_replays', 'graph_replay_ns',
         'replays_by_node', 'syncs', 'sync_ns', 'kernels', 'gpu_ns', 'warps'],
        measure
    )
