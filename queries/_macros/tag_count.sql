-- How many of something took part, by the first of a tag's names that the run has: 1 without one.
--
-- NULL where the tag holds no positive whole number; tag_faults names it.
-- @param  tags MAP       tags of a run
-- @param  first VARCHAR  its name
-- @param  other VARCHAR  its other name

CASE WHEN coalesce(tags[first], tags[other]) IS NULL THEN 1
     WHEN tag_number(tags, first, other) > 0
         AND tag_number(tags, first, other) = try_cast(coalesce(tags[first], tags[other]) AS DOUBLE)
     THEN tag_number(tags, first, other) END
