-- Do launches of one kernel and shape get slower, and are the clocks to blame?
--
-- Of kernels whose launches of one shape take slower_pct longer than the fastest ones, or more. throttled:
-- clocks explain at least half of that, of whatever changes slowly or not. Of others only products and
-- convolutions are looked at, whose work hangs on their shape alone, and that change slowly from one launch
-- to the next (steady_pct), as a GPU does that gets hot, or is shared: kernel_drift where clocks were
-- recorded and do not explain it, unclocked_drift where they were not.
-- Launches before the first step behind warm-up of their process are start-up, and not compared.
-- saving_ns: what these launches take longer than the fastest ones (throttled: as far as clocks explain it),
-- an upper bound: none is faster than these.
-- @of     timeline
-- @unites trace
-- @once   question
-- @param  slower_pct DOUBLE = 8   a kernel is told that takes so much longer than its fastest launches
-- @param  steady_pct DOUBLE = 80  steady_pct of kernel_drift from which on launches change slowly
-- @param  short_ns BIGINT = 20000  a kernel whose median is below varies by itself
-- @param  fewest BIGINT = 10      so many launches of one shape tell something
-- @param  least_pct DOUBLE = 1    share of the time from which on it is told
-- @asks   drifting kernel_drift start_up=false limit=NULL
-- @says   throttled The clocks fall to {slow_clock_hz} from the {fast_clock_hz} of the fastest launches:
--         those of one shape take {longer_pct} longer ({kernels|kernel,|kernels, most of it} {kernel}).
-- @try    throttled See what limits them (nvidia-smi -q -d PERFORMANCE: power or heat), raise the power limit
--         or cool better; compare runs at locked clocks (nvidia-smi -lgc MHZ).
-- @says   kernel_drift Launches of one shape of {kernel} take {longer_pct} longer than the fastest of them,
--         up to {max_ns}, at clocks that do not explain it.
-- @try    kernel_drift See what else uses the GPU or its memory meanwhile (other streams and processes,
--         copies), and whether its data changes.
-- @says   unclocked_drift Launches of one shape of {kernel} take {longer_pct} longer than the fastest of
--         them, up to {max_ns}; whether the clocks fell was not recorded.
-- @try    unclocked_drift Record the clocks, too: nsys profile --gpu-metrics-devices=all, or traceql collect
--         nsys --option=--gpu-metrics-devices=all -- COMMAND.
-- @proof  throttled|kernel_drift|unclocked_drift kernel_drift kernel={kernel} start_up=false limit=NULL

WITH slower AS (
    SELECT
        *,
        CASE
            WHEN clocks_pct >= 50 THEN 'throttled'
            WHEN category NOT IN ('gemm', 'conv') OR steady_pct < $steady_pct THEN NULL
            WHEN clocks_pct IS NULL THEN 'unclocked_drift'
            ELSE 'kernel_drift'
        END AS code,
        above_fast_ns * if(code = 'throttled', least(clocks_pct, 100) / 100, 1) AS costs_ns
    FROM drifting
    WHERE above_fast_pct >= $slower_pct AND median_ns >= $short_ns AND category <> 'communication'
),
found AS (
    SELECT
        trace,
        code,
        count(DISTINCT kernel) AS kernels,
        sum(costs_ns)::BIGINT AS costs_ns,
        percent(sum(above_fast_ns), sum(total_ns) - sum(above_fast_ns)) AS longer_pct,
        max(max_ns) AS max_ns,
        arg_max(kernel, (costs_ns, kernel)) AS kernel,
        mean_over_time(fast_clock_hz, total_ns) AS fast_clock_hz,
        mean_over_time(slow_clock_hz, total_ns) AS slow_clock_hz,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM slower
    WHERE code IS NOT NULL
    GROUP BY trace, code
)
SELECT
    trace,
    code,
    severity_of(costs_ns, whole_ns) AS severity,
    costs_ns AS saving_ns,
    percent(costs_ns, whole_ns) AS saving_pct,
    MAP {
        'kernels': kernels::DOUBLE,
        'longer_pct': longer_pct,
        'max_ns': max_ns::DOUBLE,
        'fast_clock_hz': fast_clock_hz,
        'slow_clock_hz': slow_clock_hz
    } AS numbers,
    MAP {'kernel': kernel} AS texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace, saving_ns DESC, code
