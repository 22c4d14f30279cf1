-- What passed a level of memory, as one metric counts it: sums and ratios over the rows that tell.
--
-- A struct; NULL where rows were counted by several metrics, and where those that tell hold nothing.
-- @param  metric VARCHAR      the metric of each row
-- @param  bytes DOUBLE        bytes as it counts them
-- @param  peak DOUBLE         bytes per second at most; NULL where the metric has no roof
-- @param  flop DOUBLE         executed
-- @param  duration_ns BIGINT  time

CASE WHEN min(metric) = max(metric) AND (count(*) = count(bytes) OR sum(bytes) > 0) THEN {
    'bytes': sum(bytes),
    'flop_per_byte': sum_ratio(flop, bytes),
    'bytes_per_s': sum_ratio(1e9 * bytes, duration_ns),
    'pct': sum_ratio(1e11 * bytes / peak, duration_ns),
    'peak': sum_ratio(bytes, bytes / peak)
} END
