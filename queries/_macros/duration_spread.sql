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
        -- Its place; groups know nothing of the whole trace.
        NULL::DOUBLE AS share_pct,
        avg(duration_ns) AS avg_ns,
        quantile_cont(duration_ns, 0.25) AS q1_ns,
        median(duration_ns) AS median_ns,
        quantile_cont(duration_ns, 0.75) AS q3_ns,
        min(duration_ns) AS min_ns,
        max(duration_ns) AS max_ns,
        stddev_samp(duration_ns) AS stddev_ns,
        quantile_cont(duration_ns, 0.9) AS p90_ns,
        quantile_cont(duration_ns, 0.99) AS p99_ns
    FROM query_table(timed)
    GROUP BY ALL
)
SELECT * REPLACE (percent(total_ns, sum(total_ns) OVER (PARTITION BY trace)) AS share_pct) FROM spread
