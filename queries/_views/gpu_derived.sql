-- What each GPU of a trace can do by what the report says of it, whatever product it is.
--
-- Peaks: SMs × highest clock × FLOP per clock and SM, by compute capability and name (gpu_architectures).
-- DRAM: bus width × data rate, as the profiler reports it; of a GPU that shares the CPU's memory it reports a
-- wrong clock. Datasheets have lower tensor peaks where the tensor cores run at a lower clock (Hopper: 8 %).
-- @column trace_id BIGINT          the trace it belongs to, see traces
-- @column trace VARCHAR            name of the trace
-- @column gpu_id INTEGER           the profiler's number of the GPU
-- @column architecture VARCHAR     name in gpu_architectures; NULL if it is not known
-- @column peak_flop_per_s MAP(VARCHAR, DOUBLE)  precision → dense peak
-- @column dram_bytes_per_s DOUBLE  DRAM bandwidth
-- @column l1_bytes_per_s DOUBLE    L1 bandwidth of all SMs

SELECT
    trace_id,
    trace,
    gpu_id,
    architecture,
    CASE WHEN sm_count * sm_clock_hz > 0
         THEN map_from_entries(list_transform(
             map_entries(flop_per_clock_and_sm),
             lambda rate: {'k': rate.key, 'v': rate.value * sm_count * sm_clock_hz}
         )) END AS peak_flop_per_s,
    CASE WHEN own_memory IS DISTINCT FROM false
         THEN nullif(memory_bandwidth_bytes_per_s, 0) END AS dram_bytes_per_s,
    nullif(l1_bytes_per_clock_and_sm * sm_count * sm_clock_hz, 0) AS l1_bytes_per_s
FROM gpus
JOIN traces USING (trace_id)
LEFT JOIN gpu_architectures
    ON list_contains(compute_capabilities, compute_capability)
    AND list_has_all(regexp_extract_all(lower(gpu_name), '[a-z0-9]+'), words)
QUALIFY row_number() OVER (PARTITION BY trace_id, gpu_id ORDER BY len(words) DESC, architecture) = 1
