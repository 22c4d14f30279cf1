-- How long do the instances of each NVTX range take: the median one, the slow ones, the slowest?
--
-- On the GPU: from the first start to the last end of what a range launched there, on its thread, or by --by
-- process on any thread of its process. With --clock host it is the time in the range on the CPU. First come
-- the ranges whose slow instances cost most: tail_ns is what they take longer than the median one.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = '*'    only ranges of this name or pattern
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  clock VARCHAR(gpu|host) = 'gpu'  whose time: gpu or host
-- @param  exact BOOLEAN = true   keep texts apart that differ in numbers alone
-- @param  limit BIGINT = 20      ranges per trace; NULL for all
-- @needs  nvtx_ranges
-- @column trace VARCHAR          name of the trace
-- @column domain VARCHAR         NVTX domain; empty for the default one
-- @column range VARCHAR          NVTX message
-- @column style VARCHAR          pushpop or startend
-- @column instances BIGINT       how often it ran
-- @column total_ns BIGINT        all instances
-- @column min_ns BIGINT          shortest
-- @column median_ns DOUBLE       median
-- @column p90_ns DOUBLE          9 of 10 take no longer
-- @column p99_ns DOUBLE          99 of 100 take no longer
-- @column max_ns BIGINT          longest
-- @column tail_ns DOUBLE         time above the median, of all instances together
-- @column max_start_ns BIGINT    when the longest starts
-- @column range_id BIGINT        the longest, see nvtx_ranges
-- @chart  percentiles x=range y=median_ns y2=p90_ns y3=p99_ns y4=max_ns
-- @title  median_ns Median
-- @title  max_ns Slowest
-- @empty  No such range has GPU work: compare with the query nvtx-sum, or ask for --clock host.

WITH clocked AS (
    SELECT
        * EXCLUDE (start_ns, end_ns),
        CASE $clock
            WHEN 'gpu' THEN {'from_ns': gpu_start_ns, 'to_ns': gpu_end_ns}
            WHEN 'host' THEN {'from_ns': start_ns, 'to_ns': end_ns}
        END AS span
    FROM ranges_with_work('nvtx_ranges', $by)
    WHERE style <> 'mark' AND is_like(coalesce(text, ''), $range)
),
timed AS (
    SELECT
        trace,
        domain,
        range_called(text, $exact) AS range,
        style,
        range_id,
        span.from_ns AS began_ns,
        span.to_ns - span.from_ns AS duration_ns
    FROM clocked
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE span.to_ns IS NOT NULL
),
measured AS (
    SELECT *, duration_ns - median(duration_ns) OVER (PARTITION BY trace, domain, range, style) AS over_ns
    FROM timed
)
SELECT
    trace,
    domain,
    range,
    style,
    count(*) AS instances,
    sum(duration_ns)::BIGINT AS total_ns,
    min(duration_ns) AS min_ns,
    median(duration_ns) AS median_ns,
    quantile_cont(duration_ns, 0.9) AS p90_ns,
    quantile_cont(duration_ns, 0.99) AS p99_ns,
    max(duration_ns) AS max_ns,
    sum(greatest(over_ns, 0)) AS tail_ns,
    arg_max(began_ns, (duration_ns, -range_id)) AS max_start_ns,
    arg_max(range_id, (duration_ns, -range_id)) AS range_id
FROM measured
GROUP BY trace, domain, range, style
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY tail_ns DESC, total_ns DESC, domain, range, style),
    $limit
)
ORDER BY trace, tail_ns DESC, total_ns DESC, domain, range, style
