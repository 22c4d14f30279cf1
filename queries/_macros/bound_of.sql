-- The roof that is the lower one: whether work or traffic would take longer at peak.
--
-- What was counted in part takes at least so long: that may decide, and may not.
-- @param  work_s DOUBLE           seconds of arithmetic at peak
-- @param  is_all_work BOOLEAN     whether these are all
-- @param  traffic_s DOUBLE        seconds of DRAM traffic at peak
-- @param  is_all_traffic BOOLEAN  whether these are all

CASE WHEN work_s > traffic_s AND is_all_traffic THEN 'compute_bound'
     WHEN work_s <= traffic_s AND is_all_work THEN 'memory_bound' END
