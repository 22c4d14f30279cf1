-- How many durations, how long together, how far apart: for each group of rows that differ in nothing else.
--
-- Columns: those of `timed` but duration_ns; instances, total_ns, share_pct (of all durations of the trace),
-- avg_ns, q1_ns, median_ns, q3_ns, min_ns, max_ns, stddev_ns, p90_ns, p99_ns (between two of the durations as
-- far as the share says). What is not selected is not computed.
-- @param  timed TABLE  rows with trace, duration_ns, and the columns to group by

WITH spread AS (
    SELECT
        * EXCLUDE (duration_ns),
        count(*) AS instances,
        sum(duration_ns)::BIGINT AS total_ns,
        avg(duration_ns) AS avg_ns,
        min(duration_ns) AS min_ns,
        max(duration_ns) AS max_ns,
        whole_stddev(duration_ns) AS stddev_ns,
        -- Together they take as long as one of them.
        quantile_cont(duration_ns, [0.25, 0.5, 0.75, 0.9, 0.99]) AS quantiles
    FROM query_table(timed)
    GROUP BY ALL
)
SELECT
    * EXCLUDE (instances, total_ns, avg_ns, min_ns, max_ns, stddev_ns, quantiles),
    instances,
    total_ns,
    percent(total_ns, sum(total_ns) OVER (PARTITION BY trace)) AS share_pct,
    avg_ns,
    quantiles[1] AS q1_ns,
    quantiles[2] AS median_ns,
    quantiles[3] AS q3_ns,
    min_ns,
    max_ns,
    stddev_ns,
    quantiles[4] AS p90_ns,
    quantiles[5] AS p99_ns
FROM spread
