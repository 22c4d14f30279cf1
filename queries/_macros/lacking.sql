-- What was not recorded of the workloads of a row, with the option of ncu that records it; NULL if nothing.
--
-- `nullif(concat_ws('; ', lacking('DRAM', dram_pct, '--section SpeedOfLight'), …), '') AS lacks`.
-- @param  what VARCHAR    what people call it
-- @param  value DOUBLE    of each workload
-- @param  option VARCHAR  of ncu

lacking_of(what, count(value), count(*), option)
