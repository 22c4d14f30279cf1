-- A number for each lane of operations: sorted by it rows take less memory than by all that it stands for.
--
-- Columns: trace_id, gpu_id, owner, lane.
-- @param  operations TABLE  rows with trace_id, gpu_id and owner

SELECT trace_id, gpu_id, owner, (row_number() OVER ())::INTEGER AS lane
FROM (SELECT DISTINCT trace_id, gpu_id, owner FROM query_table(operations))
