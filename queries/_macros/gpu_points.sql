-- Where operations of each GPU begin and end, with numbers whose running sum tells what runs.
--
-- Columns: lane, the number of lanes_of for (trace_id, gpu_id, owner); at_ns; step: as many times 1 as
-- communication begins (less: ends) there, 2^31 for computation and 2^62 for copies and memsets. Summed up in
-- the order of time it says by its lowest 31 bits how many communicate, by the next 31 how many compute, and
-- above how many copy: see state_of.
-- @param  operations TABLE  rows of operations_by_work, with the owner of their lane (see lane_owner)
-- @param  lanes TABLE       rows of lanes_of

SELECT lane, unnest([start_ns, end_ns]) AS at_ns, unnest([weight, -weight]) AS step
FROM (
    SELECT
        lane,
        start_ns,
        end_ns,
        CASE work WHEN 'communication' THEN 1 WHEN 'compute' THEN 2147483648
            ELSE 4611686018427387904 END AS weight
    FROM (FROM query_table(operations)) AS worked
    JOIN (FROM query_table(lanes)) AS numbered
        ON numbered.trace_id = worked.trace_id AND numbered.owner = worked.owner
        AND numbered.gpu_id IS NOT DISTINCT FROM worked.gpu_id
    WHERE end_ns > start_ns
)
