-- One row per GPU of the machine, with the CUDA ordinal by which processes knew it.
--
-- Exports of 2020 keep the properties in TARGET_INFO_CUDA_GPU, in kHz and kB/s.
-- @raw   TARGET_INFO_GPU
-- @reads id|deviceId     INTEGER
-- @reads name            VARCHAR
-- @reads computeMajor    INTEGER
-- @reads computeMinor    INTEGER
-- @reads smCount         INTEGER
-- @reads maxWarpsPerSm   INTEGER
-- @reads clockRate       BIGINT
-- @reads memoryBandwidth DOUBLE
-- @reads totalMemory     BIGINT
-- @reads l2CacheSize     BIGINT
-- @raw   TARGET_INFO_CUDA_GPU
-- @reads deviceId                  INTEGER
-- @reads computeCapabilityMajor    INTEGER
-- @reads computeCapabilityMinor    INTEGER
-- @reads numMultiprocessors        INTEGER
-- @reads maxWarpsPerMultiprocessor INTEGER
-- @reads coreClockRate             BIGINT
-- @reads globalMemoryBandwidth     DOUBLE
-- @reads globalMemorySize          BIGINT
-- @reads l2CacheSize               BIGINT
-- @raw   TARGET_INFO_CUDA_DEVICE
-- @reads gpuId  INTEGER
-- @reads cudaId INTEGER
-- @fills gpus

INSERT INTO gpus BY NAME
WITH ordinals AS (
    SELECT DISTINCT gpuId, cudaId FROM raw_TARGET_INFO_CUDA_DEVICE
)
SELECT
    getvariable('trace_id') AS trace_id,
    gpu.id AS gpu_id,
    coalesce(ordinals.cudaId, old.deviceId) AS device_id,
    gpu.name AS gpu_name,
    coalesce(gpu.computeMajor || '.' || gpu.computeMinor,
             old.computeCapabilityMajor || '.' || old.computeCapabilityMinor) AS compute_capability,
    coalesce(gpu.smCount, old.numMultiprocessors) AS sm_count,
    coalesce(gpu.maxWarpsPerSm, old.maxWarpsPerMultiprocessor) AS max_warps_per_sm,
    coalesce(gpu.clockRate, old.coreClockRate * 1000) AS sm_clock_hz,
    coalesce(gpu.memoryBandwidth, old.globalMemoryBandwidth * 1000) AS memory_bandwidth_bytes_per_s,
    coalesce(gpu.totalMemory, old.globalMemorySize) AS memory_bytes,
    coalesce(gpu.l2CacheSize, old.l2CacheSize) AS l2_cache_bytes
FROM raw_TARGET_INFO_GPU AS gpu
LEFT JOIN ordinals ON ordinals.gpuId = gpu.id
LEFT JOIN raw_TARGET_INFO_CUDA_GPU AS old ON old.deviceId = gpu.id
ORDER BY gpu_id, device_id
