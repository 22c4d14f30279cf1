-- One row per GPU.
--
-- Bandwidth: two transfers per memory clock and bus bit (DDR), the figure that nsys reports as well:
-- 2 × 3.201 GHz × 6016 bit ÷ 8 = 4.814 TB/s on an H200.
-- @raw   ncu_devices
-- @reads device_id                    INTEGER
-- @reads name                         VARCHAR
-- @reads compute_capability_major     INTEGER
-- @reads compute_capability_minor     INTEGER
-- @reads multiprocessor_count         INTEGER
-- @reads max_gpu_frequency_khz        BIGINT
-- @reads max_mem_frequency_khz        BIGINT
-- @reads fb_bus_width                 BIGINT
-- @reads l2_cache_size                BIGINT
-- @reads total_memory                 BIGINT
-- @reads max_warps_per_multiprocessor INTEGER
-- @fills gpus

INSERT INTO gpus BY NAME
SELECT DISTINCT
    getvariable('trace_id') AS trace_id,
    device_id AS gpu_id,
    device_id,
    name AS gpu_name,
    compute_capability_major || '.' || compute_capability_minor AS compute_capability,
    multiprocessor_count AS sm_count,
    max_warps_per_multiprocessor AS max_warps_per_sm,
    max_gpu_frequency_khz * 1000 AS sm_clock_hz,
    max_mem_frequency_khz * 1000 AS memory_clock_hz,
    2.0 * max_mem_frequency_khz * 1000 * fb_bus_width / 8 AS memory_bandwidth_bytes_per_s,
    total_memory AS memory_bytes,
    l2_cache_size AS l2_cache_bytes
FROM raw_ncu_devices
ORDER BY device_id
