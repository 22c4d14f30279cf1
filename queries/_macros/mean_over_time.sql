-- The mean of a share or rate over the time of what it was measured on; of one alone the value itself.
-- @param  value DOUBLE        a share or rate of each workload; NULL where it was not measured
-- @param  duration_ns BIGINT  how long each took

coalesce(
    sum(value * duration_ns) / nullif(sum(duration_ns) FILTER (value IS NOT NULL), 0),
    CASE WHEN count(*) = 1 THEN max(value) END
)
