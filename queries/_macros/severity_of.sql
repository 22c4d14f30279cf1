-- How much a finding weighs: high from 20 % of the time on, medium from 5 %, low below.
-- @param  saving_ns BIGINT  time that it costs
-- @param  whole_ns BIGINT   time that was looked at

CASE WHEN percent(saving_ns, whole_ns) >= 20 THEN 'high'
     WHEN percent(saving_ns, whole_ns) >= 5 THEN 'medium'
     WHEN saving_ns IS NOT NULL THEN 'low' END
