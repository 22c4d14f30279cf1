-- How long NVTX ranges of some styles are on the host: a row for each trace, domain, text and style.
-- @param  chosen VARCHAR    name of a trace; NULL for all
-- @param  styles VARCHAR[]  pushpop, startend
-- @param  exactly BOOLEAN   see range_called

WITH timed AS (
    SELECT trace, domain, range_called(text, exactly) AS range, style, nvtx_ranges.duration_ns
    FROM nvtx_ranges
    JOIN chosen_traces(chosen) AS traces USING (trace_id)
    WHERE list_contains(styles, style) AND end_ns IS NOT NULL
)
SELECT
    trace,
    domain,
    range,
    style,
    total_ns,
    share_pct,
    instances,
    avg_ns,
    median_ns,
    min_ns,
    max_ns,
    stddev_ns,
    p90_ns,
    p99_ns
FROM duration_spread(timed)
