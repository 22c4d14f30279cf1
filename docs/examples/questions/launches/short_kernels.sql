-- Which kernels are so short that launching them takes longer than running them?
--
-- A kernel that runs for less time than its launch takes on the host keeps the GPU waiting, unless launches run
-- ahead of it. CUDA graphs or fused kernels launch less.
-- @of      timeline
-- @param   kernel VARCHAR = '*'            name of a kernel, or a pattern of it
-- @param   shorter_than_ns BIGINT = 5000   kernels that run for less time
-- @param   limit BIGINT = 20               kernels per trace
-- @needs   kernels api_calls
-- @column  trace VARCHAR                   name of the trace
-- @column  kernel VARCHAR                  function name without template arguments
-- @column  launches BIGINT                 executions
-- @column  short_launches BIGINT           of these, shorter than asked
-- @column  short_pct DOUBLE                share of the executions
-- @column  launch_ns BIGINT                host time in the calls that launched the short ones
-- @title   short_launches Short executions
-- @empty   Every kernel runs longer; ask for more with --shorter-than-ns.
-- @note    SELECT format('{:,} executions of the kernels shown are short in {}', sum(short_launches)::BIGINT, trace)
-- @note    FROM answer GROUP BY trace ORDER BY trace
-- @chart   bars x=kernel y=short_launches
-- @section timeline 54 Short kernels | expanded shorter_than_ns=10000
-- @card    timeline 15 Short launches

SELECT
    trace,
    kernel_lengths.name AS kernel,
    count(*) AS launches,
    count(*) FILTER (is_short(kernel_lengths.duration_ns, $shorter_than_ns)) AS short_launches,
    percent(short_launches, launches) AS short_pct,
    (sum(launch_ns) FILTER (is_short(kernel_lengths.duration_ns, $shorter_than_ns)))::BIGINT AS launch_ns
FROM kernel_lengths
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE is_like(kernel_lengths.name, $kernel)
GROUP BY trace, kernel_lengths.name
HAVING short_launches > 0
QUALIFY within_limit(row_number() OVER (PARTITION BY trace ORDER BY short_launches DESC, kernel), $limit)
ORDER BY trace, short_launches DESC, kernel
