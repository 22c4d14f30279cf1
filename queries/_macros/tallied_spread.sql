-- How many durations, how long together, how far apart, of durations that are there several times each.
--
-- Counted once per duration, a million of them are a few thousand rows. Columns: those of `tallied` but
-- duration_ns, times and instances; instances, total_ns, avg_ns, median_ns, min_ns, max_ns, stddev_ns,
-- p90_ns, p99_ns, as duration_spread has them. What is not selected is not computed.
-- @param  tallied TABLE  rows with duration_ns, times (how often it counts), instances (how many there are),
--                        and the columns to group by

WITH placed AS (
    SELECT
        *,
        -- What did not end is none of the times.
        CASE WHEN duration_ns IS NOT NULL THEN times END AS ended,
        sum(ended) OVER (PARTITION BY alike ORDER BY duration_ns) AS until,
        sum(ended) OVER (PARTITION BY alike) AS of_all,
        duration_ns::HUGEINT - min(duration_ns) OVER (PARTITION BY alike) AS above_ns
    FROM (
        SELECT *, hash(*COLUMNS(* EXCLUDE (duration_ns, times, instances))) AS alike
        FROM query_table(tallied)
    )
)
SELECT
    * EXCLUDE (duration_ns, times, instances, alike, ended, until, of_all, above_ns),
    sum(instances)::BIGINT AS instances,
    sum(ended * duration_ns::HUGEINT)::BIGINT AS total_ns,
    sum(ended * duration_ns::HUGEINT) / sum(ended) AS avg_ns,
    tallied_quantile(duration_ns, until, of_all, 0.5::DOUBLE) AS median_ns,
    min(duration_ns) AS min_ns,
    max(duration_ns) AS max_ns,
    tallied_stddev(above_ns, ended) AS stddev_ns,
    tallied_quantile(duration_ns, until, of_all, 0.9::DOUBLE) AS p90_ns,
    tallied_quantile(duration_ns, until, of_all, 0.99::DOUBLE) AS p99_ns
FROM placed
GROUP BY ALL
