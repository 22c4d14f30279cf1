-- How close does each kernel come to what the GPU can do, and what holds it back?
--
-- The throughput of the SMs and of the memory system in percent of their peaks, as on the page "GPU Speed Of
-- Light Throughput" of ncu; of several workloads together the mean over their time. verdict is that of ncu's
-- rule SOLBottleneck: high from 80 % of a peak on (little is to be gained but by less work); below 60 % of
-- both small_grid (some SMs have no block) or latency (warps wait); between, compute, memory, or balanced
-- within 10 points. limiter is the unit that is used most: SM, or the part of memory whose throughput is
-- that of the memory system, or next to it.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics
-- @metrics sm__throughput.avg.pct_of_peak_sustained_elapsed
-- @metrics gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed
-- @ncu    --section SpeedOfLight --section LaunchStats
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column compute_pct DOUBLE          throughput of the SMs, share of its peak
-- @column memory_pct DOUBLE           throughput of the memory system (caches, DRAM and what lies between)
-- @column dram_pct DOUBLE             throughput of DRAM, share of its peak
-- @column l2_pct DOUBLE               throughput of L2
-- @column l1_pct DOUBLE               throughput of L1/TEX while it was active
-- @column dram_bytes_per_s DOUBLE     bytes read from and written to DRAM by time
-- @column waves DOUBLE                waves of blocks per SM; NULL of a whole graph or range
-- @column verdict VARCHAR             high, small_grid, latency, compute, memory or balanced
-- @column limiter VARCHAR             SM, DRAM, L2 or L1
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @title  dram_bytes_per_s DRAM bandwidth
-- @note   SELECT listed(list(trace ORDER BY trace)) || ': of the profiled time ' || told || '.' AS said,
-- @note   1 AS place, min(trace) AS trace
-- @note   FROM (
-- @note   SELECT trace, string_agg(said, ', ' ORDER BY share_pct DESC, said) AS told
-- @note   FROM (SELECT trace, percent(sum(gpu_ns), sum(sum(gpu_ns)) OVER (PARTITION BY trace)) AS share_pct,
-- @note   format('{:.0f} % ', share_pct) || CASE verdict WHEN 'high' THEN 'near a peak'
-- @note   WHEN 'small_grid' THEN 'in grids too small for the GPU' WHEN 'balanced' THEN 'balanced'
-- @note   ELSE coalesce('held back by ' || verdict, 'without a verdict') END AS said
-- @note   FROM answer GROUP BY trace, verdict)
-- @note   WHERE said IS NOT NULL GROUP BY trace) GROUP BY told
-- @note   UNION ALL
-- @note   SELECT on_some_sms(trace, count(*), list(DISTINCT sm_count), max(gpu_sm_count)), 2, trace
-- @note   FROM partial_launches WHERE trace IN (SELECT trace FROM answer) GROUP BY trace
-- @note   ORDER BY place, trace
-- @chart  share_bars x=group_name y=compute_pct y2=memory_pct
-- @section counters 53 Speed of light | drawn
-- @card   counters 20 Speed of light | first=compute_pct,memory_pct,dram_bytes_per_s,verdict,limiter

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns,
        workload = 'kernel' AS is_kernel
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
measured AS (
    SELECT
        kernel_id,
        dram_bytes,
        counters['sm__throughput.avg.pct_of_peak_sustained_elapsed'] AS compute_pct,
        counters['gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed'] AS memory_pct,
        dram_throughput_pct AS dram_pct,
        counters['lts__throughput.avg.pct_of_peak_sustained_elapsed'] AS l2_pct,
        counters['l1tex__throughput.avg.pct_of_peak_sustained_active'] AS l1_pct,
        counters['launch__waves_per_multiprocessor'] AS waves
    FROM dram
    LEFT JOIN counters_named([
        'sm__throughput.avg.pct_of_peak_sustained_elapsed',
        'gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed',
        'lts__throughput.avg.pct_of_peak_sustained_elapsed',
        'l1tex__throughput.avg.pct_of_peak_sustained_active',
        'launch__waves_per_multiprocessor'
    ]) USING (kernel_id)
),
means AS (
    SELECT
        group_key,
        mean_over_time(compute_pct, duration_ns) AS compute_pct,
        mean_over_time(memory_pct, duration_ns) AS memory_pct,
        mean_over_time(dram_pct, duration_ns) AS dram_pct,
        mean_over_time(l2_pct, duration_ns) AS l2_pct,
        mean_over_time(l1_pct, duration_ns) AS l1_pct,
        per_second(
            sum(dram_bytes), sum(duration_ns) FILTER (dram_bytes IS NOT NULL)
        ) AS dram_bytes_per_s,
        -- Of a whole graph or range ncu tells those of one of its kernels.
        mean_over_time(if(is_kernel, waves, NULL), duration_ns) AS waves,
        nullif(concat_ws(
            '; ',
            lacking('compute', compute_pct, '--section SpeedOfLight'),
            lacking('memory', memory_pct, '--section SpeedOfLight'),
            lacking('DRAM', dram_pct, '--section SpeedOfLight'),
            lacking('L2', l2_pct, '--section SpeedOfLight'),
            lacking('L1', l1_pct, '--section SpeedOfLight'),
            lacking('DRAM bytes', dram_bytes, '--section MemoryWorkloadAnalysis'),
            coalesce(max(lacking_launch(is_kernel)), lacking('waves', waves, '--section LaunchStats'))
        ), '') AS lacks
    FROM workloads
    JOIN measured USING (kernel_id)
    GROUP BY ALL
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    compute_pct,
    memory_pct,
    dram_pct,
    l2_pct,
    l1_pct,
    dram_bytes_per_s,
    waves,
    utilisation_verdict(compute_pct, memory_pct, waves) AS verdict,
    CASE WHEN compute_pct >= memory_pct THEN 'SM' WHEN compute_pct < memory_pct THEN (
        -- Of two that are as near, the one that is nearer to the data.
        SELECT arg_min(unit, (round(abs(pct - memory_pct), 6), rank))
        FROM (VALUES ('DRAM', dram_pct, 1), ('L2', l2_pct, 2), ('L1', l1_pct, 3)) AS units (unit, pct, rank)
        WHERE pct IS NOT NULL
    ) END AS limiter,
    means.lacks
FROM profiled_groups(workloads, measured, 'speed of light', '--section SpeedOfLight')
JOIN means USING (group_key)
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id
