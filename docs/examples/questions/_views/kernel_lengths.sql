-- One kernel execution, and how long its launch took on the host.
-- @once   page
-- @column trace_id BIGINT     the trace it belongs to, see traces
-- @column name VARCHAR        function name without template arguments
-- @column duration_ns BIGINT  time on the GPU
-- @column launch_ns BIGINT    time in the API call that launched it; NULL if not recorded

SELECT kernels.trace_id, kernels.name, kernels.duration_ns, api_calls.duration_ns AS launch_ns
FROM kernels
LEFT JOIN api_calls USING (api_call_id)
