-- One row per sampled GPU metric and time. The last byte of a sample's type is the GPU's id.
--
-- Clocks are labelled MHz, but 1980000000 is what is exported for 1,980 MHz: no clock has a million MHz.
-- @raw   GPU_METRICS
-- @reads timestamp BIGINT
-- @reads typeId    UBIGINT
-- @reads metricId  BIGINT
-- @reads value     BIGINT
-- @raw   TARGET_INFO_GPU_METRICS
-- @reads typeId     UBIGINT
-- @reads metricId   BIGINT
-- @reads metricName VARCHAR
-- @of    GPU_METRICS
-- @fills gpu_samples = GPU_METRICS

INSERT INTO gpu_samples BY NAME
WITH names AS (
    SELECT
        typeId,
        metricId,
        regexp_extract(metricName, '^(.*?) *(?:\[([^\]]*)\])?$', 1) AS metric,
        nullif(regexp_extract(metricName, '\[([^\]]*)\]$', 1), '') AS unit
    FROM raw_TARGET_INFO_GPU_METRICS
    QUALIFY row_number() OVER (PARTITION BY typeId, metricId) = 1
)
SELECT
    getvariable('trace_id') AS trace_id,
    timestamp - getvariable('origin_ns') AS time_ns,
    (typeId & 255)::INTEGER AS gpu_id,
    coalesce(names.metric, 'metric ' || metricId) AS metric,
    names.unit,
    CASE WHEN names.unit = 'MHz' AND value >= 1000000 THEN value / 1e6 ELSE value END AS value
FROM raw_GPU_METRICS
LEFT JOIN names USING (typeId, metricId)
ORDER BY time_ns, gpu_id, metricId
