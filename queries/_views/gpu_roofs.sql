-- Each GPU of a trace beside what NVIDIA publishes about it, or else what the report tells.
--
-- A card that gpu_specs does not know (another memory size, a MIG slice, what MPS lets a process use) has
-- NULL as gpu.
-- @column trace_id BIGINT          the trace it belongs to, see traces
-- @column trace VARCHAR            name of the trace
-- @column gpu_id INTEGER           the profiler's number of the GPU
-- @column device_id INTEGER        CUDA device ordinal as in kernels
-- @column gpu_name VARCHAR         product name in the trace
-- @column gpu VARCHAR              name in gpu_specs; NULL if it is not known
-- @column source VARCHAR           of the figures: datasheet (gpu_specs), derived (gpu_derived) or NULL
-- @column sm_count INTEGER         streaming multiprocessors
-- @column peak_flop_per_s MAP(VARCHAR, DOUBLE)  precision → dense peak
-- @column dram_bytes_per_s DOUBLE  DRAM bandwidth
-- @column l2_bytes_per_s DOUBLE    L2 read bandwidth; NULL where NVIDIA publishes none
-- @column l1_bytes_per_s DOUBLE    L1 bandwidth: always derived, SMs × bytes per clock × highest clock

SELECT
    gpus.trace_id,
    traces.trace,
    gpus.gpu_id,
    gpus.device_id,
    gpu_name,
    gpu_specs.gpu,
    CASE WHEN gpu_specs.gpu IS NOT NULL THEN 'datasheet'
         WHEN gpu_derived.peak_flop_per_s IS NOT NULL OR gpu_derived.dram_bytes_per_s IS NOT NULL
         THEN 'derived' END AS source,
    coalesce(gpu_specs.sm_count, gpus.sm_count) AS sm_count,
    CASE WHEN gpu_specs.gpu IS NULL THEN gpu_derived.peak_flop_per_s
         ELSE gpu_specs.peak_flop_per_s END AS peak_flop_per_s,
    coalesce(gpu_specs.memory_bandwidth_bytes_per_s, gpu_derived.dram_bytes_per_s) AS dram_bytes_per_s,
    gpu_specs.l2_bandwidth_bytes_per_s AS l2_bytes_per_s,
    coalesce(gpu_specs.l1_bandwidth_bytes_per_s, gpu_derived.l1_bytes_per_s) AS l1_bytes_per_s
FROM gpus
LEFT JOIN gpu_derived USING (trace_id, gpu_id)
LEFT JOIN gpu_products USING (trace_id, gpu_id)
LEFT JOIN gpu_specs USING (gpu)
JOIN traces USING (trace_id)
