-- Which roofs limit the work of each profiled trace: peaks per precision and bandwidths per memory level?
--
-- Profiled roofs are the hardware's peaks at the clocks of the run, from the report (the highest of its
-- launches); datasheet roofs are what NVIDIA publishes; derived ones that of L1, SMs × bytes per clock × the
-- SM clock, which no datasheet prints, and where traceql does not know the product all others, by what the
-- report says of the GPU (see gpu_derived); measured roofs what a benchmark reached on a GPU of that name,
-- from imported runs with metrics such as dram_bytes_per_s and bf16_flop_per_s (the collector
-- memory_hierarchy makes them): sustained, under the GPU's power limit, so that a short launch may exceed one
-- of arithmetic before the limit bites. Where no launch may use all SMs of its GPU, as in green contexts, the
-- roofs of arithmetic and L1 are those of the most SMs that one may use, but for measured ones. Profiled
-- roofs of L2 and L1 are those of NVIDIA's roofline metrics; counters of all requests, such as lts__t_bytes,
-- have a peak, too, but it is none that returned bytes could reach, and gives no roof. Listed are the
-- precisions that decide the roof of some launch (see kernel_roofline). Ridge points are those with the DRAM
-- bandwidth of the same source.
-- @of     traces
-- @unites trace
-- @needs  rooflines
-- @column trace VARCHAR               name of the trace
-- @column kind VARCHAR                compute or memory
-- @column name VARCHAR                precision, or level: dram, l2 or l1
-- @column source VARCHAR              measured, profiled, derived or datasheet
-- @column metric VARCHAR              metric whose peak a profiled roof of L2 or L1 is; NULL for all others
-- @column flop_per_s DOUBLE           peak; NULL for memory
-- @column bytes_per_s DOUBLE          bandwidth; NULL for compute
-- @column ridge_flop_per_byte DOUBLE  intensity at which DRAM and this peak are equal; NULL for memory
-- @chart  bars x=name y=ridge_flop_per_byte
-- @empty  No kernel has FLOP and a peak: record with ncu --set roofline.

WITH profiles AS (
    SELECT rooflines.*
    FROM rooflines
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE grouping = 'launch'
),
precisions AS (
    SELECT
        trace_id,
        trace,
        precision,
        max(profiled_flop_per_s) AS profiled
    FROM profiles
    WHERE precision IS NOT NULL
    GROUP BY ALL
),
levels AS (
    SELECT trace_id, trace, max(profiled_dram_bytes_per_s) AS dram FROM profiles GROUP BY ALL
),
datasheets AS (
    SELECT
        trace_id,
        trace,
        'compute' AS kind,
        precision AS name,
        datasheet_source AS source,
        max(datasheet_flop_per_s) AS peak
    FROM profiles
    WHERE precision IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT trace_id, trace, 'memory', 'dram', datasheet_source, max(datasheet_dram_bytes_per_s)
    FROM profiles
    GROUP BY ALL
),
caches AS (
    SELECT trace_id, trace, 'l2' AS level, l2_metric AS metric, max(profiled_l2_bytes_per_s) AS peak
    FROM profiles
    GROUP BY ALL
    UNION ALL
    SELECT trace_id, trace, 'l1', l1_metric, max(profiled_l1_bytes_per_s)
    FROM profiles
    GROUP BY ALL
),
shares AS (
    SELECT profiles.trace_id, max(coalesce(sm_share, 1)) AS sm_share
    FROM profiles
    LEFT JOIN partial_launches USING (kernel_id)
    GROUP BY profiles.trace_id
),
published AS (
    SELECT trace_id, max(l2_bytes_per_s) AS l2, sm_share * max(l1_bytes_per_s) AS l1
    FROM gpu_roofs
    JOIN shares USING (trace_id)
    GROUP BY trace_id, sm_share
),
measured AS (
    SELECT trace_id, run_metrics.metric, max(value) AS peak
    FROM run_metrics
    JOIN runs USING (run_id)
    JOIN gpu_roofs ON gpu_roofs.gpu = runs.gpu
    GROUP BY ALL
),
roofs AS (
    SELECT
        precisions.trace_id, trace, 'compute' AS kind, precision AS name, 'measured' AS source,
        NULL::VARCHAR AS metric, peak
    FROM precisions
    JOIN measured ON measured.trace_id = precisions.trace_id AND measured.metric = precision || '_flop_per_s'
    UNION ALL
    SELECT levels.trace_id, trace, 'memory', level, 'measured', NULL, peak
    FROM levels
    CROSS JOIN (VALUES ('dram'), ('l2'), ('l1')) AS known(level)
    JOIN measured ON measured.trace_id = levels.trace_id AND measured.metric = level || '_bytes_per_s'
    UNION ALL
    SELECT trace_id, trace, 'compute', precision, 'profiled', NULL, profiled FROM precisions
    UNION ALL
    SELECT trace_id, trace, 'memory', 'dram', 'profiled', NULL, dram FROM levels
    UNION ALL
    SELECT trace_id, trace, 'memory', level, 'profiled', metric, peak FROM caches
    UNION ALL
    SELECT trace_id, trace, kind, name, source, NULL, peak FROM datasheets
    UNION ALL
    SELECT trace_id, trace, 'memory', level, if(level = 'l1', 'derived', 'datasheet'), NULL, peak
    FROM (FROM published UNPIVOT (peak FOR level IN (l2, l1)))
    JOIN levels USING (trace_id)
)
SELECT
    trace,
    kind,
    name,
    source,
    metric,
    CASE WHEN kind = 'compute' THEN peak END AS flop_per_s,
    CASE WHEN kind = 'memory' THEN peak END AS bytes_per_s,
    CASE
        WHEN kind = 'compute'
            THEN peak
                / max(peak) FILTER (kind = 'memory' AND name = 'dram') OVER (PARTITION BY trace_id, source)
    END AS ridge_flop_per_byte
FROM roofs
WHERE peak IS NOT NULL AND isfinite(peak)
ORDER BY trace, kind, name, source, metric
