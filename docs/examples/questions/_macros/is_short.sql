-- Whether a kernel is shorter than asked; what has no duration is not.
-- @param  duration_ns BIGINT      how long it ran
-- @param  shorter_than_ns BIGINT  how long the shortest runs that is not short

duration_ns < shorter_than_ns
