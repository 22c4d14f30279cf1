-- Launches that may use only some of the SMs of their GPU, as those in a CUDA green context (ncu).
--
-- ncu's peaks of arithmetic and L1, its shares and waves of such a launch are those of its SMs; L2 and DRAM
-- are whole, and are shared with what runs beside it. Of a graph or range that was profiled as a whole ncu
-- tells the SMs of one of its kernels: it is none of these. A process that MPS lets use a part of the GPU
-- (CUDA_MPS_ACTIVE_THREAD_PERCENTAGE) sees a GPU of fewer SMs, and so does a MIG slice: gpus has those.
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column kernel_id BIGINT     the launch, see kernels
-- @column sm_count INTEGER     streaming multiprocessors that it may use
-- @column gpu_sm_count INTEGER  those of its GPU
-- @column sm_share DOUBLE      sm_count ÷ gpu_sm_count

SELECT
    kernels.trace_id,
    trace,
    kernel_id,
    value::INTEGER AS sm_count,
    gpus.sm_count AS gpu_sm_count,
    value / gpus.sm_count AS sm_share
FROM (SELECT kernel_id, value FROM metrics WHERE metric = 'launch__sm_count') AS launched
JOIN kernels USING (kernel_id)
JOIN gpus USING (trace_id, gpu_id)
JOIN traces USING (trace_id)
WHERE value >= 1 AND value < gpus.sm_count AND coalesce(workload, 'kernel') = 'kernel'
