-- What was recorded of some or none of the workloads of a row, with the option of ncu that records it.
--
-- NULL if it was of all of them.
-- @param  what VARCHAR    what people call it
-- @param  known BIGINT    workloads of which it was recorded
-- @param  whole BIGINT    workloads of the row
-- @param  option VARCHAR  of ncu

CASE WHEN known < whole
     THEN what || ' (' || option || ')'
          || if(known > 0, format(' of {} of {} kernels', whole - known, whole), '')
END
