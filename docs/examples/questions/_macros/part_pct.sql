-- A part in percent of the whole; NULL where there is no whole.
-- @param  part DOUBLE   the part
-- @param  whole DOUBLE  what it is a part of

100.0 * part / nullif(whole, 0)
