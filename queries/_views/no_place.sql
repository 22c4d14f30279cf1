-- What findings say that are in no range and at no time: one row, for a CROSS JOIN. @where says more.
-- @column range VARCHAR    NVTX range in which it is: none
-- @column start_ns BIGINT  start of the first such time: none
-- @column end_ns BIGINT    end of the last such time: none

SELECT NULL::VARCHAR AS range, NULL::BIGINT AS start_ns, NULL::BIGINT AS end_ns
