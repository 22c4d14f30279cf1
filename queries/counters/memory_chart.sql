-- Which way does the data of a kernel take through caches and memories?
--
-- The memory chart of ncu as rows: one for each way between two places, one way and the other apart, and one
-- for each place itself, which has no target. Loads of L1 and shared memory go to the kernel, stores and
-- atomics come from it; its requests are instructions of warps, those between L1 and L2 what L1 asks. Bytes
-- at L1, to GCC, system memory and peers are sectors × 32. What the tensor memory accelerator and cp.async
-- copy between L2 and shared memory is in the bytes between L2 and L1, too. throughput_pct is the share of
-- the peak of that way or place (to system memory and peers, of the sectors that L2 can look up); it and
-- hit_rate_pct are means over time. What a report lacks is NULL, not 0.
--
-- Constants have caches of their own: constant for those that are addressed, immediate for those in
-- instructions, and GCC behind both, and for code. compression, where it was recorded, is the unit of L2 that
-- does so: bytes is what it was given, hit_rate_pct the share that it could compress.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 1            kernels per trace, those of most time; NULL for all
-- @needs  metrics
-- @metrics l1tex__m_xbar2l1tex_read_bytes.sum
-- @ncu    --section MemoryWorkloadAnalysis_Chart --section MemoryWorkloadAnalysis_Tables
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column source VARCHAR              kernel, L1, shared, other_SMs, constant, immediate, GCC, L2,
--         compression, DRAM, system or peer
-- @column target VARCHAR              where the data goes; NULL for the place itself
-- @column requests DOUBLE             what was asked
-- @column bytes BIGINT                what was moved
-- @column hit_rate_pct DOUBLE         share of what a cache was asked that was there
-- @column throughput_pct DOUBLE       share of the peak
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  memory_map source=source target=target requests=requests bytes=bytes hits=hit_rate_pct
--         share=throughput_pct group=group_name lacks=lacks
-- @section counters 70.5 Memory traffic | drawn

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
terms AS (
    SELECT kernel_id, source, target, measure, term, arg_min(value * scale, choice) AS amount
    FROM metrics
    JOIN memory_links USING (metric)
    WHERE value IS NOT NULL
    GROUP BY ALL
),
measured AS (
    SELECT kernel_id, source, target, measure, sum(amount) AS amount
    FROM terms
    GROUP BY ALL
    UNION ALL BY NAME
    -- Of which there may be a rate alone.
    SELECT kernel_id, 'DRAM' AS source, 'L2' AS target, 'bytes' AS measure, dram_read_bytes AS amount
    FROM dram
    WHERE dram_read_bytes IS NOT NULL
    UNION ALL BY NAME
    SELECT kernel_id, 'L2' AS source, 'DRAM' AS target, 'bytes' AS measure, dram_write_bytes AS amount
    FROM dram
    WHERE dram_write_bytes IS NOT NULL
),
listed AS (
    SELECT *
    FROM profiled_groups(workloads, measured, 'memory chart', '--section MemoryWorkloadAnalysis_Chart')
    QUALIFY within_limit(
        row_number() OVER (
            PARTITION BY trace ORDER BY gpu_ns DESC NULLS LAST, group_name, launch_id, group_key
        ),
        $limit
    )
),
ways AS (
    SELECT source, target, list_distinct(list(measure)) AS measures
    FROM (
        SELECT source, target, measure FROM memory_links
        UNION ALL
        VALUES ('DRAM', 'L2', 'bytes'), ('L2', 'DRAM', 'bytes')
    )
    GROUP BY ALL
),
amounts AS (
    SELECT
        group_key,
        source,
        target,
        measure,
        count(*) AS known,
        sum(amount) AS total,
        mean_over_time(amount, duration_ns) AS mean
    FROM workloads
    JOIN measured USING (kernel_id)
    GROUP BY ALL
),
flows AS (
    SELECT
        group_key,
        source,
        target,
        map(list(measure), list(known)) AS known,
        max(total) FILTER (measure = 'requests') AS requests,
        (max(total) FILTER (measure = 'bytes'))::BIGINT AS bytes,
        max(mean) FILTER (measure = 'hit_rate_pct') AS hit_rate_pct,
        max(mean) FILTER (measure = 'throughput_pct') AS throughput_pct
    FROM amounts
    GROUP BY ALL
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    source,
    nullif(target, '') AS target,
    requests,
    bytes,
    hit_rate_pct,
    throughput_pct,
    nullif(array_to_string(
        list_filter(
            list_transform(
                list_sort(measures),
                lambda measure: lacking_of(
                    replace(replace(measure, '_pct', ''), '_', ' '),
                    coalesce(known[measure], 0),
                    kernels,
                    CASE WHEN source NOT IN ('constant', 'immediate', 'GCC')
                            AND (source = 'kernel' OR target = 'kernel' OR measure = 'requests')
                         THEN '--section MemoryWorkloadAnalysis_Tables'
                         ELSE '--section MemoryWorkloadAnalysis_Chart' END
                )
            ),
            lambda missing: missing IS NOT NULL
        ),
        '; '
    ), '') AS lacks
FROM listed
CROSS JOIN ways
LEFT JOIN flows USING (group_key, source, target)
-- Not every GPU compresses.
WHERE source <> 'compression' OR flows.known IS NOT NULL
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id,
    list_position(
        [
            'kernel', 'L1', 'shared', 'other_SMs', 'constant', 'immediate', 'GCC', 'L2', 'compression',
            'DRAM', 'system', 'peer'
        ],
        source
    ),
    list_position(
        ['', 'kernel', 'L1', 'shared', 'other_SMs', 'GCC', 'L2', 'DRAM', 'system', 'peer'], ways.target
    )
