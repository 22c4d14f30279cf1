-- Whether something ran in a stretch of time, for some of it at least.
-- @param  start_ns BIGINT  when it began
-- @param  end_ns BIGINT    when it ended
-- @param  from_ns BIGINT   where the stretch begins; NULL for the start of the trace
-- @param  to_ns BIGINT     where it ends; NULL for the end of the trace

(from_ns IS NULL OR end_ns > from_ns) AND (to_ns IS NULL OR start_ns < to_ns)
