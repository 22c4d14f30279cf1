-- What do ncu's rules advise, and which advice is worth most?
--
-- A row for each kernel and result of a rule, with the text about its longest launch. estimated_speedup_pct
-- is NVIDIA's: by so much less time could the kernel take (speedup_scope global), or a part of what it does
-- (local), which tells nothing about the kernel's time. weighted_speedup_pct is that of all profiled
-- workloads of the trace: the estimate × the launches' share of their time. Global estimates come first,
-- then local ones, then advice without any; estimates of one kernel do not add up.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  rule VARCHAR = '*'          identifier of a rule, or a pattern of it
-- @param  kind VARCHAR = 'optimization'  optimization, warning, ok, error or none; * for all
-- @param  limit BIGINT = 20           rows per trace; NULL for all
-- @needs  advice
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads of which the rule says it
-- @column gpu_ns BIGINT               their time
-- @column share_pct DOUBLE            share of the time of all profiled workloads of the trace
-- @column weighted_speedup_pct DOUBLE  by so much less time all would take; NULL without an estimate
-- @column estimated_speedup_pct DOUBLE  mean over time of the estimates; NULL if there is none
-- @column speedup_scope VARCHAR       global (of the kernel's time) or local (of a part)
-- @column kind VARCHAR                optimization, warning, ok, error or none
-- @column rule VARCHAR                identifier of the rule
-- @column title VARCHAR               headline
-- @column message VARCHAR             the advice
-- @chart  bars x=rule y=weighted_speedup_pct group=group_name
-- @section counters 54 Advice | drawn
-- @card   counters 80 Advice | of=rule,title note=message first=weighted_speedup_pct most=3 limit=NULL
-- @empty  The rules have nothing of that kind to say: --kind '*' shows what they looked at.

WITH wanted AS (
    SELECT traces.trace, group_name, launch_id, kernel_id, duration_ns, trace_ns
    FROM profiled_of_all($by, $names, $kernel, $domain)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
results AS (
    SELECT
        *,
        -- Some rules say the same of loads and of stores.
        row_number() OVER (
            PARTITION BY kernel_id, rule, kind, title, speedup_scope
            ORDER BY estimated_speedup_pct DESC NULLS LAST, message
        ) AS number
    FROM advice
    WHERE is_like(rule, $rule) AND is_like(kind, $kind)
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    count(*) AS kernels,
    sum(duration_ns)::BIGINT AS gpu_ns,
    percent(sum(duration_ns), max(trace_ns)) AS share_pct,
    sum(results.estimated_speedup_pct * duration_ns) / nullif(max(trace_ns), 0) AS weighted_speedup_pct,
    mean_over_time(results.estimated_speedup_pct, duration_ns) AS estimated_speedup_pct,
    speedup_scope,
    kind,
    rule,
    title,
    arg_max(without_markup(results.message), (coalesce(duration_ns, 0), -kernel_id)) AS message
FROM wanted
JOIN results USING (kernel_id)
GROUP BY trace, group_name, launch_id, rule, kind, title, speedup_scope, number
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace
        ORDER BY speedup_scope NULLS LAST, order_of(weighted_speedup_pct) DESC NULLS LAST,
            gpu_ns DESC NULLS LAST, group_name, launch_id, rule, kind, title, number
    ),
    $limit
)
ORDER BY trace, speedup_scope NULLS LAST, order_of(weighted_speedup_pct) DESC NULLS LAST,
    gpu_ns DESC NULLS LAST, group_name, launch_id, rule, kind, title, number
