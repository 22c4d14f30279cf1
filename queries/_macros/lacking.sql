-- What was not recorded of the workloads of a row, with the option of ncu that records it; NULL if nothing.
--
-- `nullif(concat_ws('; ', lacking('DRAM', dram_pct, '--section SpeedOfLight'), …), '') AS lacks`.
-- @param  what VARCHAR    what people call it
-- @param  value DOUBLE    of each workload
-- @param  option VARCHAR  of ncu

CASE WHEN count(value) < count(*)
     THEN what || ' (' || option || ')'
          || if(count(value) > 0, format(' of {} of {} kernels', count(*) - count(value), count(*)), '') END
