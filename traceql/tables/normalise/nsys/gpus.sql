-- One row per GPU of the machine, and which of them a CUDA ordinal means.
--
-- The ordinal is in whichever table the version has: TARGET_INFO_CUDA_DEVICE from 2025.1 on, per process, as
-- CUDA_VISIBLE_DEVICES makes each process count its own; TARGET_INFO_GPU before (where other adapters than
-- CUDA's have an ordinal, too, but compute capability 0); in exports of 2020 TARGET_INFO_CUDA_GPU, with
-- properties in kHz and kB/s.
-- @raw   TARGET_INFO_GPU
-- @reads id|deviceId     INTEGER
-- @reads cuDevice        INTEGER
-- @reads name            VARCHAR
-- @reads computeMajor    INTEGER
-- @reads computeMinor    INTEGER
-- @reads smCount         INTEGER
-- @reads maxWarpsPerSm   INTEGER
-- @reads clockRate       BIGINT
-- @reads memoryBandwidth DOUBLE
-- @reads totalMemory     BIGINT
-- @reads l2CacheSize     BIGINT
-- @reads uuid            VARCHAR
-- @raw   TARGET_INFO_CUDA_GPU
-- @reads deviceId                  INTEGER
-- @reads pid                       BIGINT
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
-- @reads pid    BIGINT
-- @fills gpus

CREATE TEMP TABLE gpu_ordinals AS
SELECT DISTINCT gpuId AS gpu_id, cudaId AS device_id, pid FROM raw_TARGET_INFO_CUDA_DEVICE
UNION
SELECT deviceId, deviceId, NULL FROM raw_TARGET_INFO_CUDA_GPU
UNION
SELECT id, cuDevice, NULL
FROM raw_TARGET_INFO_GPU
WHERE NOT EXISTS (FROM raw_TARGET_INFO_CUDA_DEVICE) AND cuDevice >= 0 AND computeMajor IS DISTINCT FROM 0;

-- What an ordinal means: to all processes one GPU, or to each its own.
CREATE TEMP TABLE ordinals AS
SELECT
    device_id,
    CASE WHEN min(gpu_id) = max(gpu_id) THEN min(gpu_id) END AS gpu_id,
    CASE WHEN min(gpu_id) < max(gpu_id)
         THEN map_from_entries(list((pid, gpu_id) ORDER BY pid)
                               FILTER (pid IS NOT NULL AND is_first)) END AS gpu_of
FROM (
    SELECT *, row_number() OVER (PARTITION BY pid, device_id ORDER BY gpu_id) = 1 AS is_first
    FROM gpu_ordinals
)
WHERE device_id IS NOT NULL
GROUP BY device_id;

INSERT INTO gpus BY NAME
WITH named AS (
    FROM raw_TARGET_INFO_GPU
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY name NULLS LAST) = 1
),
old AS (
    FROM raw_TARGET_INFO_CUDA_GPU
    QUALIFY row_number() OVER (PARTITION BY deviceId ORDER BY pid) = 1
),
known AS (
    SELECT gpu_id, CASE WHEN min(device_id) = max(device_id) THEN min(device_id) END AS device_id
    FROM gpu_ordinals
    GROUP BY gpu_id
)
SELECT
    getvariable('trace_id') AS trace_id,
    gpu.id AS gpu_id,
    known.device_id,
    gpu.name AS gpu_name,
    coalesce(gpu.computeMajor || '.' || gpu.computeMinor,
             old.computeCapabilityMajor || '.' || old.computeCapabilityMinor) AS compute_capability,
    coalesce(gpu.smCount, old.numMultiprocessors) AS sm_count,
    coalesce(gpu.maxWarpsPerSm, old.maxWarpsPerMultiprocessor) AS max_warps_per_sm,
    coalesce(gpu.clockRate, old.coreClockRate * 1000) AS sm_clock_hz,
    coalesce(gpu.memoryBandwidth, old.globalMemoryBandwidth * 1000) AS memory_bandwidth_bytes_per_s,
    coalesce(gpu.totalMemory, old.globalMemorySize) AS memory_bytes,
    coalesce(gpu.l2CacheSize, old.l2CacheSize) AS l2_cache_bytes,
    left(md5(nullif(gpu.uuid, '')), 16) AS gpu_hash
FROM named AS gpu
LEFT JOIN known ON known.gpu_id = gpu.id
LEFT JOIN old ON old.deviceId = gpu.id
ORDER BY gpu_id
