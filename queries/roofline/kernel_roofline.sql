-- Where does each kernel sit on the roofline?
--
-- bound says which roof is the lower one at this arithmetic intensity, DRAM or arithmetic; compute_pct and
-- dram_pct how close the work comes to them (a low percentage of both is latency, or too little work).
-- profiled_ are the peaks at the clocks of the run, datasheet_ the published ones, or those derived from the
-- report (datasheet_source). What the report lacks is NULL and listed in lacks.
--
-- FLOP are those executed, padding of tiles included. Where the shape of a GEMM is known (--kernel with --m,
-- --n and --k, or the tags m, n and k of the trace) the useful ones stand beside them.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch) = 'kernel'  kernel (all its launches together) or launch
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  m BIGINT = NULL             rows of a GEMM's result; by default the tag m
-- @param  n BIGINT = NULL             columns of its result; by default the tag n
-- @param  k BIGINT = NULL             length of its sums; by default the tag k
-- @needs  rooflines
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              kernel name
-- @column kernel_id BIGINT            the launch, see kernels; NULL for all together
-- @column category VARCHAR            kind of work, see kernel-categories
-- @column path VARCHAR                NVTX path of the launch in the default domain; NULL for all together
-- @column phase VARCHAR               prefill, decode or mixed, or as tagged; NULL if nothing tells
-- @columns rooflines kernels
-- @column useful_flop DOUBLE          2·m·n·k for each launch
-- @column executed_per_useful DOUBLE  flop ÷ useful_flop; over 1, tiles were padded or work was done twice;
--         below 1 not all launches have the shape, or not all of their FLOP were counted (at_least)
-- @note   SELECT too_useful(count(*), list(DISTINCT kernel)) AS said, '' AS trace
-- @note   FROM answer WHERE executed_per_useful < 1
-- @note   UNION ALL
-- @note   SELECT on_some_sms(trace, count(*), list(DISTINCT sm_count), max(gpu_sm_count)), trace
-- @note   FROM partial_launches WHERE trace IN (SELECT trace FROM answer) GROUP BY trace
-- @note   ORDER BY trace
-- @chart  roofline x=dram_flop_per_byte y=flop_per_s size=gpu_ns color=category shape=phase hollow=at_least
--         name=kernel
-- @empty  No profiled kernel is called that: see the query top-kernels.
-- @section counters 60 Rooflines | drawn

WITH shapes AS (
    SELECT
        trace_id,
        trace,
        2::DOUBLE * coalesce($m, try_cast(tags['m'] AS BIGINT)) * coalesce($n, try_cast(tags['n'] AS BIGINT))
            * coalesce($k, try_cast(tags['k'] AS BIGINT)) AS useful
    FROM chosen_traces($trace)
),
named AS (
    SELECT kernels.trace_id, kernel_id, called, is_asked, category, named.full_name
    FROM kernels
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    LEFT JOIN kernels_categorised ON kernels_categorised.full_name = coalesce(demangled, kernels.name, '')
),
groups AS (
    SELECT
        trace_id,
        called,
        any_value(category ORDER BY full_name) AS category,
        bool_or(is_asked) AS is_asked
    FROM named
    GROUP BY ALL
)
SELECT
    shapes.trace,
    coalesce(launched.called, rooflines.name) AS kernel,
    kernel_id,
    groups.category,
    path,
    phase,
    rooflines.* EXCLUDE (grouping, trace_id, trace, kernel_id, domain, path, name, phase, seq_len, calls),
    kernels * useful AS useful_flop,
    flop / nullif(kernels * useful, 0) AS executed_per_useful
FROM rooflines
JOIN shapes USING (trace_id)
LEFT JOIN named AS launched USING (kernel_id)
LEFT JOIN groups
    ON groups.trace_id = rooflines.trace_id AND groups.called = coalesce(launched.called, rooflines.name)
WHERE grouping = CASE $by WHEN 'launch' THEN 'launch'
                          WHEN 'kernel' THEN if($names = 'distinct', 'kernel', 'kernel_' || $names) END
    AND coalesce(launched.is_asked, groups.is_asked)
ORDER BY trace, gpu_ns DESC NULLS LAST, kernel, phase, kernel_id
