-- The rate of an amount that took some time; NULL where it took none.
-- @param  amount DOUBLE       bytes, FLOP, tokens …
-- @param  duration_ns DOUBLE  time that they took

1e9 * amount / nullif(duration_ns, 0)
