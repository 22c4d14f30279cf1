-- Where does each kind of kernel sit on the roofline, along a sweep?
--
-- A row is all kernels of a kind with one size: what --along names, as words such as batch_size=512 in the
-- texts of the NVTX ranges around them, or as a tag of the trace. From small to large the points of a kind
-- are its trail, from memory-bound to compute-bound.
--
-- compute_pct and dram_pct are those of kernel-roofline, means over the time of the kernels: how long FLOP
-- and bytes would take at the peaks of the run. FLOP are those executed, padding of tiles included.
--
-- The useful FLOP of a row are those of one step that runs with the metric useful_flop, the tag category and
-- the size say (traceql predict kinds makes them of a model; traceql import-runs), times --steps. Runs with a
-- tag trace or model are those of traces of that name or model. Where runs differ, they are not known.
-- @of     traces
-- @unites trace
-- @param  along VARCHAR = 'batch_size'  the size: batch_size, input_len, seq_len …
-- @param  category VARCHAR[] = NULL   only these kinds of work; also patterns
-- @param  steps BIGINT = 1            how often a step of that size ran in the recording
-- @needs  rooflines
-- @column trace VARCHAR               name of the trace
-- @column category VARCHAR            kind of work, see kernel-categories
-- @column size BIGINT                 of what --along names; NULL if nothing tells
-- @column kernels BIGINT              launches
-- @column gpu_ns BIGINT               their time, all together
-- @column flop DOUBLE                 executed, where they were counted
-- @column at_least BOOLEAN            whether not all of their FLOP, DRAM bytes or times are known
-- @column dram_bytes DOUBLE           read and written; NULL where a launch lacks them
-- @column dram_flop_per_byte DOUBLE   flop ÷ dram_bytes
-- @column flop_per_s DOUBLE           flop ÷ gpu_ns
-- @column dram_bytes_per_s DOUBLE     dram_bytes ÷ gpu_ns
-- @column compute_pct DOUBLE          of the peak of arithmetic; NULL where a launch with FLOP lacks its peak
-- @column dram_pct DOUBLE             of the bandwidth of DRAM; NULL where a launch lacks it
-- @column useful_flop DOUBLE          what the work of a row needs in theory
-- @column executed_per_useful DOUBLE  flop ÷ useful_flop; over 1, tiles were padded or work was done twice;
--         below 1 not all of the kind has that size, or not all of their FLOP were counted (at_least)
-- @note   SELECT too_useful(count(*), list(DISTINCT category)) FROM answer WHERE executed_per_useful < 1
-- @chart  roofline x=dram_flop_per_byte y=flop_per_s size=gpu_ns color=category trail=size hollow=at_least
--         useful=executed_per_useful
-- @empty  No profiled kernel is of that kind: see the query kernel-categories.
-- @section counters 63 Rooflines | drawn

WITH useful AS (
    SELECT
        traces.trace_id,
        runs.tags['category'] AS category,
        try_cast(runs.tags[$along] AS BIGINT) AS size,
        CASE WHEN min(value) = max(value) THEN min(value) END AS flop
    FROM run_metrics
    JOIN runs USING (run_id)
    JOIN traces
        ON coalesce(runs.tags['trace'] = traces.trace, true)
        AND coalesce(runs.tags['model'] = traces.tags['model'], true)
    WHERE metric = 'useful_flop'
    GROUP BY ALL
),
launched AS (
    SELECT
        rooflines.trace_id,
        coalesce(categories.category, 'other') AS category,
        try_cast(
            coalesce(
                nullif(regexp_extract(path, '(?:^|[/ ,])' || regexp_escape($along) || '=(\d+)', 1), ''),
                traces.tags[$along]
            ) AS BIGINT
        ) AS size,
        traces.trace,
        rooflines.gpu_ns,
        flop,
        at_least,
        dram_bytes,
        CASE WHEN flop = 0 THEN 0 ELSE compute_pct END AS compute_pct,
        dram_pct
    FROM rooflines
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN kernels USING (kernel_id)
    LEFT JOIN kernels_categorised AS categories ON full_name = coalesce(demangled, kernels.name, '')
    WHERE grouping = 'launch'
),
summed AS (
    SELECT
        trace_id,
        trace,
        category,
        size,
        count(*) AS kernels,
        sum(gpu_ns)::BIGINT AS gpu_ns,
        sum(flop) AS flop,
        bool_or(coalesce(at_least, false) OR flop IS NULL) AS at_least,
        CASE WHEN count(dram_bytes) = count(*) THEN sum(dram_bytes) END AS dram_bytes,
        CASE WHEN count(compute_pct) = count(*) THEN sum(compute_pct * gpu_ns) / nullif(sum(gpu_ns), 0) END
            AS compute_pct,
        CASE WHEN count(dram_pct) = count(*) THEN sum(dram_pct * gpu_ns) / nullif(sum(gpu_ns), 0) END
            AS dram_pct
    FROM launched
    WHERE $category IS NULL OR len(list_filter($category, lambda one: is_like(category, one))) > 0
    GROUP BY ALL
)
SELECT
    trace,
    category,
    size,
    kernels,
    gpu_ns,
    summed.flop,
    at_least,
    dram_bytes,
    summed.flop / nullif(dram_bytes, 0) AS dram_flop_per_byte,
    summed.flop * 1e9 / nullif(gpu_ns, 0) AS flop_per_s,
    dram_bytes * 1e9 / nullif(gpu_ns, 0) AS dram_bytes_per_s,
    compute_pct,
    dram_pct,
    $steps * useful.flop AS useful_flop,
    summed.flop / nullif($steps * useful.flop, 0) AS executed_per_useful
FROM summed
LEFT JOIN useful USING (trace_id, category, size)
ORDER BY trace, category, size
