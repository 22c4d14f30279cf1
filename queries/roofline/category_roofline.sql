-- Where does each kind of kernel sit on the roofline, along a sweep?
--
-- A row is all kernels of a kind with one size: what --along names, as words such as batch_size=512 in the
-- texts of the NVTX ranges around them, or as a tag of the trace. From small to large the points of a kind
-- are its trail, from memory-bound to compute-bound.
--
-- compute_pct and dram_pct are those of kernel-roofline, means over the time of the kernels: how long FLOP
-- and bytes would take at the peaks of the run. FLOP are those executed, padding of tiles included.
-- @of     traces
-- @unites trace
-- @param  along VARCHAR = 'batch_size'  the size: batch_size, input_len, seq_len …
-- @param  category VARCHAR[] = NULL   only these kinds of work; also patterns
-- @needs  rooflines
-- @column trace VARCHAR               name of the trace
-- @column category VARCHAR            kind of work, see kernel-categories
-- @column size BIGINT                 of what --along names; NULL if nothing tells
-- @column kernels BIGINT              launches
-- @column gpu_ns BIGINT               their time, all together
-- @column flop DOUBLE                 executed, where they were counted
-- @column at_least BOOLEAN            not all of their FLOP were counted
-- @column dram_bytes DOUBLE           read and written; NULL where a launch lacks them
-- @column dram_flop_per_byte DOUBLE   flop ÷ dram_bytes
-- @column flop_per_s DOUBLE           flop ÷ gpu_ns
-- @column dram_bytes_per_s DOUBLE     dram_bytes ÷ gpu_ns
-- @column compute_pct DOUBLE          of the peak of arithmetic; NULL where a launch with FLOP lacks its peak
-- @column dram_pct DOUBLE             of the bandwidth of DRAM; NULL where a launch lacks it
-- @chart  roofline x=dram_flop_per_byte y=flop_per_s size=gpu_ns color=category trail=size hollow=at_least
-- @empty  No profiled kernel is of that kind: see the query kernel-categories.
-- @section counters 63 Rooflines | drawn

WITH launched AS (
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
    flop,
    at_least,
    dram_bytes,
    flop / nullif(dram_bytes, 0) AS dram_flop_per_byte,
    flop * 1e9 / nullif(gpu_ns, 0) AS flop_per_s,
    dram_bytes * 1e9 / nullif(gpu_ns, 0) AS dram_bytes_per_s,
    compute_pct,
    dram_pct
FROM summed
ORDER BY trace, category, size
