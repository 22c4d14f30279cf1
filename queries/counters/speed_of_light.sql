-- How close does each kernel come to what the GPU can do, and what holds it back?
--
-- The throughput of the SMs and of the memory system in percent of their peaks, as on the page "GPU Speed Of Light
-- Throughput" of ncu; of several workloads together the mean over their time. verdict: latency below 60 % of both,
-- balanced where they are within 10 points of each other, else compute or memory (thresholds of ncu's rule
-- SOLBottleneck). What the report lacks is NULL and listed in lacks.
-- @of     traces
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR = 'kernel'       kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR = 'distinct'  short, full or distinct names of kernels, see the view kernel_names
-- @needs  metrics
-- @metrics sm__throughput.avg.pct_of_peak_sustained_elapsed
-- @metrics gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed
-- @ncu    --section SpeedOfLight
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
-- @column verdict VARCHAR             latency, compute, memory or balanced
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  bars x=group_name y=memory_pct
-- @section counters 55 Speed of light

WITH launches AS (
    SELECT
        traces.trace,
        group_name,
        launch_id,
        kernels.duration_ns,
        dram_bytes,
        counters['sm__throughput.avg.pct_of_peak_sustained_elapsed'] AS compute_pct,
        counters['gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed'] AS memory_pct,
        dram_throughput_pct AS dram_pct,
        counters['lts__throughput.avg.pct_of_peak_sustained_elapsed'] AS l2_pct,
        counters['l1tex__throughput.avg.pct_of_peak_sustained_active'] AS l1_pct
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN dram USING (kernel_id)
    LEFT JOIN counters_named([
        'sm__throughput.avg.pct_of_peak_sustained_elapsed',
        'gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed',
        'lts__throughput.avg.pct_of_peak_sustained_elapsed',
        'l1tex__throughput.avg.pct_of_peak_sustained_active'
    ]) USING (kernel_id)
),
groups AS (
    SELECT
        trace,
        group_name,
        launch_id AS kernel_id,
        count(*) AS kernels,
        sum(duration_ns)::BIGINT AS gpu_ns,
        mean_over_time(compute_pct, duration_ns) AS compute_pct,
        mean_over_time(memory_pct, duration_ns) AS memory_pct,
        mean_over_time(dram_pct, duration_ns) AS dram_pct,
        mean_over_time(l2_pct, duration_ns) AS l2_pct,
        mean_over_time(l1_pct, duration_ns) AS l1_pct,
        per_second(
            sum(dram_bytes), sum(duration_ns) FILTER (dram_bytes IS NOT NULL)
        ) AS dram_bytes_per_s
    FROM launches
    GROUP BY ALL
)
SELECT
    *,
    utilisation_verdict(compute_pct, memory_pct) AS verdict,
    nullif(concat_ws(
        ', ',
        if(compute_pct IS NULL, 'compute', NULL),
        if(memory_pct IS NULL, 'memory', NULL),
        if(dram_pct IS NULL, 'DRAM', NULL),
        if(l2_pct IS NULL, 'L2', NULL),
        if(l1_pct IS NULL, 'L1', NULL)
    ), '') || ' (--section SpeedOfLight)' AS lacks
FROM groups
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, kernel_id
