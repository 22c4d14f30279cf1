-- A GPU of a trace as one number; they rise as traces do, and in each as its GPUs do, the unknown one last.
-- @param  trace_id BIGINT  the trace
-- @param  gpu_id INTEGER   the GPU; NULL where it is not known

trace_id * 4294967296 + coalesce(gpu_id, 2147483648)
