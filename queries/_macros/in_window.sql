-- Whether something ran for some of a stretch of time.
--
-- What ends at its start does, what begins at its end does not.
-- @param  start_ns BIGINT  when it began
-- @param  end_ns BIGINT    when it ended
-- @param  from_ns BIGINT   start of the stretch; NULL for any time
-- @param  to_ns BIGINT     end of the stretch; NULL for any time

(from_ns IS NULL OR end_ns >= from_ns) AND (to_ns IS NULL OR start_ns < to_ns)
