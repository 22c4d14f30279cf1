-- How much faster the tensor cores of each GPU multiply than its CUDA cores, where it has any.
-- @column trace_id BIGINT            the trace it belongs to, see traces
-- @column trace VARCHAR              name of the trace
-- @column gpu_id INTEGER             the profiler's number of the GPU
-- @column cuda_flop_per_s DOUBLE     dense peak in fp32
-- @column tensor_flop_per_s DOUBLE   dense peak in fp16

SELECT
    trace_id,
    trace,
    gpu_id,
    peak_flop_per_s['fp32'] AS cuda_flop_per_s,
    peak_flop_per_s['fp16'] AS tensor_flop_per_s
FROM gpu_roofs
WHERE tensor_flop_per_s > cuda_flop_per_s
