-- Which advice of ncu's rules would save most time?
--
-- Of each kernel the rule whose estimate of the kernel's whole time (global) is the largest.
-- saving_ns: NVIDIA's estimate times the kernel's time, an upper bound: estimates assume that nothing else limits
-- then, and those of one kernel do not add up.
-- @of     traces
-- @unites trace
-- @asks   advised rules limit=NULL
-- @says   ncu_rule {kernel}: {title}, which ncu estimates to take {estimated_speedup_pct} % of its {gpu_ns}.
-- @try    ncu_rule {message}
-- @proof  ncu_rule rules kernel={kernel}

WITH best AS (
    SELECT
        *,
        (gpu_ns * estimated_speedup_pct / 100)::BIGINT AS saving_ns
    FROM advised
    WHERE speedup_scope = 'global'
    QUALIFY row_number() OVER (
        PARTITION BY trace, group_name ORDER BY saving_ns DESC NULLS LAST, rule, title, message
    ) = 1
)
SELECT
    trace,
    'ncu_rule' AS code,
    severity_of(saving_ns, gpu_ns * 100 / nullif(share_pct, 0)) AS severity,
    saving_ns,
    weighted_speedup_pct AS saving_pct,
    MAP {'estimated_speedup_pct': estimated_speedup_pct, 'gpu_ns': gpu_ns::DOUBLE} AS numbers,
    MAP {'kernel': group_name, 'title': title, 'message': message, 'rule': rule} AS texts,
    NULL::VARCHAR AS range,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns
FROM best
JOIN chosen_traces($trace) AS traces USING (trace)
WHERE severity IS NOT NULL
ORDER BY trace, saving_ns DESC, group_name
