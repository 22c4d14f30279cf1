-- The shortest of the durations that a list of the longest ones can end with, without a look at their order.
--
-- Within a few, all that are longer are listed: what is shorter is not, and need not be sorted.
-- @param  duration_ns BIGINT  of each row of a trace
-- @param  most BIGINT         how many are listed; NULL for all

CASE WHEN most BETWEEN 1 AND 1000 THEN list_min(max(duration_ns, greatest(1, least(most, 1000)))) END
