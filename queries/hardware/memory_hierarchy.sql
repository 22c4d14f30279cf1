-- How fast is each level of the memory hierarchy, and how much arithmetic hides it?
--
-- Theoretical maxima, of the GPUs in the traces or of those asked for: what NVIDIA publishes (see traceql
-- gpu), or where a trace's GPU is no product that traceql knows, what the report says of it; L1 is always
-- derived, SMs × bytes per clock × the SM clock. Beside it what a benchmark reached on such a GPU, from
-- imported runs with metrics such as dram_bytes_per_s (the collector memory_hierarchy makes them). A ridge
-- point says how many FLOP must be done with each byte from that level to be limited by arithmetic. With
-- --gpu, no trace is needed.
-- @of     traces
-- @param  gpu VARCHAR = NULL            name or pattern in gpu_specs, in place of the traces' GPUs
-- @param  precision VARCHAR = 'bf16'    precision of the ridge point
-- @needs  gpu_specs
-- @column gpu VARCHAR                   name in gpu_specs, or in the trace if it is not known
-- @column level VARCHAR                 l1, l2, dram, nvlink or pcie
-- @column distance BIGINT               from the SMs, from 1
-- @column capacity_bytes BIGINT         size; NULL for links and where it is not known
-- @column bandwidth_bytes_per_s DOUBLE  to the SMs; of a link, in one direction; NULL where none is published
-- @column source VARCHAR                of the bandwidth: datasheet or derived
-- @column measured_bytes_per_s DOUBLE   the highest that was measured; NULL where nothing was
-- @column ridge_flop_per_byte DOUBLE    dense peak ÷ bandwidth; NULL where one of them is not published
-- @chart  hierarchy x=bandwidth_bytes_per_s y=level order=distance color=gpu measured=measured_bytes_per_s
-- @section counters 71 Memory traffic
-- @empty  No trace tells anything of its GPU: name one with --gpu, see traceql gpu.

WITH found AS (
    SELECT gpu_roofs.*, memory_bytes, l2_cache_bytes
    FROM gpu_roofs
    JOIN gpus USING (trace_id, gpu_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE $gpu IS NULL
),
chosen AS (
    SELECT *, 'datasheet' AS source
    FROM gpu_specs
    WHERE CASE WHEN $gpu IS NULL THEN gpu IN (SELECT gpu FROM found) ELSE is_like(gpu, $gpu) END
    UNION ALL BY NAME
    SELECT
        gpu_name AS gpu,
        source,
        peak_flop_per_s,
        memory_bytes,
        l2_cache_bytes AS l2_bytes,
        dram_bytes_per_s AS memory_bandwidth_bytes_per_s,
        l1_bytes_per_s AS l1_bandwidth_bytes_per_s
    FROM found
    WHERE source = 'derived'
    QUALIFY row_number() OVER (PARTITION BY gpu_name ORDER BY trace_id, gpu_id) = 1
),
measured AS (
    SELECT gpu, metric, max(value) AS bytes_per_s FROM run_metrics JOIN runs USING (run_id) GROUP BY ALL
),
levels AS (
    SELECT gpu, 'l1' AS level, 1 AS distance, NULL AS capacity_bytes, l1_bandwidth_bytes_per_s AS bandwidth
    FROM chosen
    UNION ALL
    SELECT gpu, 'l2', 2, l2_bytes, l2_bandwidth_bytes_per_s FROM chosen
    UNION ALL
    SELECT gpu, 'dram', 3, memory_bytes, memory_bandwidth_bytes_per_s FROM chosen
    UNION ALL
    SELECT gpu, 'nvlink', 4, NULL, nvlink_bytes_per_s FROM chosen
    UNION ALL
    SELECT gpu, 'pcie', 5, NULL, pcie_bytes_per_s FROM chosen
)
SELECT
    levels.gpu,
    level,
    distance::BIGINT AS distance,
    capacity_bytes,
    bandwidth AS bandwidth_bytes_per_s,
    if(level = 'l1', 'derived', source) AS source,
    bytes_per_s AS measured_bytes_per_s,
    peak_flop_per_s[$precision] / bandwidth AS ridge_flop_per_byte
FROM levels
JOIN chosen USING (gpu)
LEFT JOIN measured ON measured.gpu = levels.gpu
    AND measured.metric = CASE level WHEN 'pcie' THEN 'pcie_h2d' ELSE level END || '_bytes_per_s'
WHERE bandwidth IS NOT NULL OR bytes_per_s IS NOT NULL
ORDER BY levels.gpu, distance
