-- Which advice of ncu's rules would save most time?
--
-- Of each kernel the rule whose estimate for its whole time (global) is the largest: low_occupancy with
-- what limits the warps of an SM, idle_warps where fewer are there than its launch allows, uncoalesced for
-- global memory, spills for local memory, ncu_rule for all others. Its place is the launch of which the rule
-- says so that it costs most. Of the rule's text the first sentence is told, and the next one that says what
-- to do.
-- saving_ns: NVIDIA's estimate of the kernel's time, an upper bound: it assumes that nothing else limits
-- the kernel then, and estimates for one kernel do not add up.
-- @of     traces
-- @unites trace
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @asks   advised rules limit=NULL
-- @asks   of_launches rules by=launch limit=NULL
-- @asks   fitting occupancy limit=NULL
-- @needs  advice
-- @says   ncu_rule {kernel}: {title}.
-- @try    ncu_rule {message}
-- @proof  ncu_rule rules kernel={kernel} limit=NULL
-- @says   low_occupancy {kernel} holds {theoretical_pct} of the warps that fit on an SM, limited by
--         {limiter}.
-- @try    low_occupancy {message}
-- @says   idle_warps SMs hold {achieved_pct} of the warps that fit while {kernel} runs, where its launch
--         allows {theoretical_pct}.
-- @try    idle_warps {message}
-- @proof  low_occupancy|idle_warps occupancy kernel={kernel} limit=NULL
-- @says   uncoalesced {kernel} moves more of global memory than it asks for.
-- @try    uncoalesced Let neighbouring threads access neighbouring addresses. {message}
-- @says   spills {kernel} works in local memory: registers that are spilled, or arrays that are indexed.
-- @try    spills Allow more registers (launch bounds, maxrregcount), or keep less at a time. {message}
-- @proof  uncoalesced|spills memory_tables kernel={kernel}
-- @says   ncu_rule|low_occupancy|idle_warps|uncoalesced|spills ncu estimates that it costs
--         {estimated_speedup_pct} of {gpu_ns}.
-- @where  ncu_rule|low_occupancy|idle_warps|uncoalesced|spills launch {launch} of {launches}

WITH best AS (
    SELECT
        *,
        (gpu_ns * estimated_speedup_pct / 100)::BIGINT AS saving_ns,
        string_split(message, '. ') AS sentences
    FROM advised
    WHERE speedup_scope = 'global'
    QUALIFY row_number() OVER (
        PARTITION BY trace, group_name ORDER BY saving_ns DESC NULLS LAST, rule, title, message
    ) = 1
),
worst AS (
    SELECT
        trace,
        group_name,
        rule,
        title,
        arg_max(kernel_id, (gpu_ns * estimated_speedup_pct, -kernel_id)) AS kernel_id
    FROM of_launches
    WHERE speedup_scope = 'global'
    GROUP BY trace, group_name, rule, title
),
limited AS (
    SELECT
        trace,
        kernel AS group_name,
        arg_max(limiter, (gpu_ns, limiter)) AS limiter,
        mean_over_time(theoretical_pct, gpu_ns) AS theoretical_pct,
        mean_over_time(achieved_pct, gpu_ns) AS achieved_pct
    FROM fitting
    GROUP BY trace, kernel
)
SELECT
    best.trace,
    CASE
        WHEN best.rule = 'TheoreticalOccupancy' AND limiter IS NOT NULL THEN 'low_occupancy'
        WHEN best.rule = 'AchievedOccupancy' AND achieved_pct IS NOT NULL THEN 'idle_warps'
        WHEN best.rule = 'UncoalescedGlobalAccess' THEN 'uncoalesced'
        WHEN best.rule = 'MemoryCacheAccessPattern' AND contains(best.title, 'Global') THEN 'uncoalesced'
        WHEN best.rule = 'MemoryCacheAccessPattern' AND contains(best.title, 'Local') THEN 'spills'
        ELSE 'ncu_rule'
    END AS code,
    severity_of(saving_ns, gpu_ns * 100 / nullif(share_pct, 0)) AS severity,
    saving_ns,
    weighted_speedup_pct AS saving_pct,
    MAP {
        'estimated_speedup_pct': estimated_speedup_pct,
        'gpu_ns': gpu_ns::DOUBLE,
        'theoretical_pct': theoretical_pct,
        'achieved_pct': achieved_pct,
        'launch': launch::DOUBLE,
        'launches': launches::DOUBLE
    } AS numbers,
    MAP {
        'kernel': best.group_name,
        'title': coalesce(nullif(best.title, ''), best.rule),
        'limiter': replace(limiter, '_', ' '),
        -- The rest explains: the question has it.
        'message': concat(
            rtrim(
                concat_ws(
                    '. ',
                    sentences[1],
                    coalesce(list_filter(sentences[2:], lambda one: is_advice(one))[1], sentences[2])
                ),
                '.'
            ),
            '.'
        )
    } AS texts,
    path AS range,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns
FROM best
JOIN chosen_traces($trace) AS traces USING (trace)
LEFT JOIN limited ON limited.trace = best.trace AND limited.group_name = best.group_name
LEFT JOIN worst
    ON worst.trace = best.trace
    AND worst.group_name = best.group_name
    AND worst.rule = best.rule
    AND worst.title IS NOT DISTINCT FROM best.title
LEFT JOIN profiled_launches ON profiled_launches.kernel_id = worst.kernel_id
WHERE saving_pct >= $least_pct
ORDER BY best.trace, saving_ns DESC, best.group_name
