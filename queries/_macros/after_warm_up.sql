-- What a finding says of the first steps that it leaves out; NULL where there are none.
-- @param  steps BIGINT  how many

CASE WHEN steps > 0 THEN format('after {:,} of warm-up', steps) END
