-- A part in percent of the whole; NULL of nothing.
-- @param  part DOUBLE   the part
-- @param  whole DOUBLE  what is 100 %

100.0 * part / nullif(whole, 0)
