-- The whole number that a tag holds, by the first of its names that the run has; NULL without one.
-- @param  tags MAP       tags of a run
-- @param  first VARCHAR  its name
-- @param  other VARCHAR  its other name

try_cast(coalesce(tags[first], tags[other]) AS BIGINT)
