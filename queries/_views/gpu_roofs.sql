-- Each GPU of a trace beside what NVIDIA publishes about it.
--
-- The names are matched by their words, in any order: all must be there. A card that gpu_specs does not know
-- (another memory size, a MIG slice, a laptop's) has NULL.
-- @column trace_id BIGINT          the trace it belongs to, see traces
-- @column trace VARCHAR            name of the trace
-- @column gpu_id INTEGER           the profiler's number of the GPU
-- @column device_id INTEGER        CUDA device ordinal as in kernels
-- @column gpu_name VARCHAR         product name in the trace
-- @column gpu VARCHAR              name in gpu_specs; NULL if it is not known
-- @column sm_count INTEGER         streaming multiprocessors, as published
-- @column peak_flop_per_s MAP(VARCHAR, DOUBLE)  precision → dense peak
-- @column dram_bytes_per_s DOUBLE  DRAM bandwidth
-- @column l2_bytes_per_s DOUBLE    L2 read bandwidth; NULL where NVIDIA publishes none
-- @column l1_bytes_per_s DOUBLE    L1 bandwidth of all SMs

SELECT
    gpus.trace_id,
    trace,
    gpus.gpu_id,
    gpus.device_id,
    gpu_name,
    gpu_specs.gpu,
    gpu_specs.sm_count,
    gpu_specs.peak_flop_per_s,
    gpu_specs.memory_bandwidth_bytes_per_s AS dram_bytes_per_s,
    gpu_specs.l2_bandwidth_bytes_per_s AS l2_bytes_per_s,
    gpu_specs.l1_bandwidth_bytes_per_s AS l1_bytes_per_s
FROM gpus
JOIN traces USING (trace_id)
LEFT JOIN gpu_specs ON list_contains(
    gpu_specs.keys,
    array_to_string(
        list_sort(list_distinct(list_filter(
            regexp_extract_all(regexp_replace(lower(gpu_name), '([0-9]+) gb\b', '\1gb', 'g'), '[a-z0-9]+'),
            lambda word: word NOT IN ('nvidia', 'geforce', 'tesla')
        ))),
        ' '
    )
)
