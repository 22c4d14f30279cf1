-- The later of two times; NULL where one of them is not known, which greatest() would pass over.
-- @param  one_ns BIGINT    a time
-- @param  other_ns BIGINT  another one

CASE WHEN one_ns >= other_ns THEN one_ns WHEN one_ns < other_ns THEN other_ns END
