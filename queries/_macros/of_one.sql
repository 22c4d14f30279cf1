-- A value of what all rows of a group are of; NULL where they are of several: pid of one process, or of none.
-- @param  value ANY  to be told
-- @param  key ANY    what there must be one of, the value or what it belongs to

CASE WHEN min(key) = max(key) AND count(key) = count(*) THEN any_value(value) END
