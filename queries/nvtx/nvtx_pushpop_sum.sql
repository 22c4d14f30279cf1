-- How long do NVTX push/pop ranges take on the CPU?
--
-- Ranges that were closed; nested ranges count more than once in the total.
-- @param  trace VARCHAR = NULL  only this trace
-- @needs  nvtx_ranges
-- @column trace VARCHAR         name of the trace
-- @column domain VARCHAR        NVTX domain; empty for the default one
-- @column range VARCHAR         NVTX message
-- @column style VARCHAR         pushpop or startend
-- @column total_ns BIGINT       time in all of them
-- @column share_pct DOUBLE      of the time in all push/pop ranges of the trace
-- @column instances BIGINT      how often it ran
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for one instance
-- @chart  bars x=range y=total_ns

SELECT
    traces.name AS trace,
    domain,
    text AS range,
    style,
    sum(nvtx_ranges.duration_ns)::BIGINT AS total_ns,
    share_pct(sum(nvtx_ranges.duration_ns), sum(sum(nvtx_ranges.duration_ns)) OVER (PARTITION BY traces.name)) AS share_pct,
    count(*) AS instances,
    avg(nvtx_ranges.duration_ns) AS avg_ns,
    median(nvtx_ranges.duration_ns) AS median_ns,
    min(nvtx_ranges.duration_ns) AS min_ns,
    max(nvtx_ranges.duration_ns) AS max_ns,
    stddev_samp(nvtx_ranges.duration_ns) AS stddev_ns
FROM nvtx_ranges
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE style = 'pushpop' AND end_ns IS NOT NULL
GROUP BY traces.name, domain, text, style
ORDER BY trace, total_ns DESC, domain, range, style
