-- What does each kernel ask of L1, shared memory, L2 and DRAM, and how well?
--
-- The memory tables of ncu, a row for each level and operation that moved anything. Requests are
-- instructions of warps (L1, shared memory, constants, spills), and what L1 asks of L2. Sectors are 32
-- bytes: a request of a warp for 32 neighbouring floats has 4, one for scattered ones up to 32. Each
-- wavefront is a pass through the memory pipe; in shared memory more than one per request are bank
-- conflicts, or wide accesses. distributed is the shared memory of other SMs of a cluster, TMA the engine
-- that copies tiles between global and shared memory, async_copy what cp.async does, through L1 or past it.
-- spills are the requests to local memory for registers that there was no room for; those of L1 for local
-- memory hold them, too. L2 all holds what other units ask, too. Hits are those
-- of all launches together.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  level VARCHAR = '*'         L1, shared, distributed, TMA, L2, DRAM, constant or spills
-- @param  idle BOOLEAN = false        whether operations are listed that moved nothing, too
-- @needs  metrics
-- @metrics lts__t_sectors.sum
-- @ncu    --section MemoryWorkloadAnalysis_Tables
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column level VARCHAR               L1, shared, distributed, TMA, L2, DRAM, constant or spills; NULL if
--         none moved anything
-- @column operation VARCHAR           global_load, read …, or all
-- @column requests DOUBLE             what was asked
-- @column sectors DOUBLE              sectors of 32 bytes
-- @column sectors_per_request DOUBLE  the fewer, the better accesses are coalesced
-- @column bytes BIGINT                sectors × 32, or as DRAM counts them
-- @column hit_rate_pct DOUBLE         share of the sectors (constant: requests) that were there
-- @column wavefronts DOUBLE           passes through the memory pipe
-- @column bank_conflicts DOUBLE       of these, those for conflicts in shared memory
-- @column wavefronts_per_request DOUBLE  n of an n-way bank conflict
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  bars x=operation y=bytes part=level group=group_name
-- @section counters 71 Memory traffic | drawn
-- @card   counters 60 Memory tables | of=level,operation first=bytes,hit_rate_pct,bank_conflicts

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
counted_by AS (
    UNPIVOT memory_operations ON COLUMNS('_metric$')
    INTO NAME measure VALUE metric
),
measured AS (
    SELECT
        kernel_id,
        level,
        operation,
        max(value) FILTER (measure = 'requests_metric') AS requests,
        max(value) FILTER (measure = 'sectors_metric') AS sectors,
        max(value) FILTER (measure = 'hits_metric') AS hits,
        max(value) FILTER (measure = 'hit_rate_metric') AS hit_rate_pct,
        max(value) FILTER (measure = 'wavefronts_metric') AS wavefronts,
        max(value) FILTER (measure = 'conflicts_metric') AS conflicts,
        coalesce(max(value) FILTER (measure = 'bytes_metric'), 32 * sectors) AS bytes
    FROM metrics
    JOIN counted_by USING (metric)
    GROUP BY ALL
    HAVING count(value) > 0
),
operations AS (
    SELECT
        group_key,
        level,
        operation,
        count(*) AS known,
        sum(measured.requests) AS requests,
        sum(measured.sectors) AS sectors,
        sum_ratio(measured.sectors, measured.requests) AS sectors_per_request,
        sum(measured.bytes)::BIGINT AS bytes,
        coalesce(
            100 * sum_ratio(measured.hits, measured.sectors), mean_over_time(hit_rate_pct, duration_ns)
        ) AS hit_rate_pct,
        sum(measured.wavefronts) AS wavefronts,
        sum(measured.conflicts) AS bank_conflicts,
        sum_ratio(measured.wavefronts, measured.requests) AS wavefronts_per_request,
        nullif(concat_ws(
            '; ',
            if(
                max(counts.requests_metric) IS NULL,
                NULL,
                lacking('requests', measured.requests, '--section MemoryWorkloadAnalysis_Tables')
            ),
            if(
                max(counts.sectors_metric) IS NULL,
                NULL,
                lacking('sectors', measured.sectors, '--section MemoryWorkloadAnalysis_Tables')
            ),
            if(
                max(counts.wavefronts_metric) IS NULL,
                NULL,
                lacking('wavefronts', measured.wavefronts, '--section MemoryWorkloadAnalysis_Tables')
            ),
            if(
                max(counts.conflicts_metric) IS NULL,
                NULL,
                lacking('bank conflicts', measured.conflicts, '--section MemoryWorkloadAnalysis_Tables')
            )
        ), '') AS lacks
    FROM workloads
    JOIN measured USING (kernel_id)
    JOIN memory_operations AS counts USING (level, operation)
    WHERE is_like_in_any_case(level, $level)
    GROUP BY ALL
    HAVING $idle OR greatest(
        sum(measured.requests), sum(measured.sectors), sum(measured.wavefronts), sum(measured.bytes),
        max(hit_rate_pct)
    ) > 0
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    level,
    operation,
    requests,
    sectors,
    sectors_per_request,
    bytes,
    hit_rate_pct,
    wavefronts,
    bank_conflicts,
    wavefronts_per_request,
    nullif(concat_ws(
        '; ',
        CASE WHEN groups.lacks IS NULL AND known < kernels THEN format(
            '{} (--section MemoryWorkloadAnalysis_Tables) of {} of {} kernels',
            operation,
            kernels - known,
            kernels
        ) END,
        groups.lacks,
        operations.lacks
    ), '') AS lacks
FROM profiled_groups(
    workloads, measured, 'memory tables', '--section MemoryWorkloadAnalysis_Tables'
) AS groups
LEFT JOIN operations USING (group_key)
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id,
    list_position(['L1', 'shared', 'distributed', 'TMA', 'L2', 'DRAM', 'constant', 'spills'], level),
    operation
