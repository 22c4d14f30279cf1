-- Which kernels are short nearly always, and run often?
--
-- saving_ns: the time in the calls that launch them, an upper bound: launched together they take one call.
-- @of     timeline
-- @unites trace
-- @param  often BIGINT = 100   so many executions are often
-- @asks   short short_kernels limit=NULL
-- @says   mostly_short {short_launches} executions of {kernel} are short, and launching them takes {launch_ns}.
-- @try    mostly_short Launch {kernel} once for several of its inputs.
-- @where  mostly_short all executions of {kernel}
-- @proof  mostly_short short_kernels kernel={kernel}

SELECT
    trace,
    'mostly_short' AS code,
    severity_of(launch_ns, whole_ns) AS severity,
    launch_ns AS saving_ns,
    percent(launch_ns, whole_ns) AS saving_pct,
    MAP {'short_launches': short_launches::DOUBLE, 'launch_ns': launch_ns::DOUBLE} AS numbers,
    MAP {'kernel': kernel} AS texts,
    no_place.*
FROM short
JOIN gpu_spans($trace) AS spans USING (trace)
CROSS JOIN no_place
WHERE short_launches >= $often AND short_pct >= 90 AND saving_pct >= 1
ORDER BY trace, saving_ns DESC, kernel
