-- The ranges that are steps where nobody says which are, see step_ranges (nsys).
-- @once   page
-- @column range_id BIGINT  the range, see nvtx_ranges

FROM step_ranges(NULL)
