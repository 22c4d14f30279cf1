-- The number that a tag holds, if it is positive and finite; else NULL.
-- @param  tags MAP       tags of a run
-- @param  named VARCHAR  name of the tag

CASE WHEN try_cast(tags[named] AS DOUBLE) > 0 AND isfinite(try_cast(tags[named] AS DOUBLE))
     THEN try_cast(tags[named] AS DOUBLE) END
