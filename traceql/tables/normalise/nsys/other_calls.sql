-- The calls of what is neither a kernel nor a graph: few, and looked for once.
-- @raw   CUPTI_ACTIVITY_KIND_MEMCPY
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_MEMSET
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_CUDA_EVENT
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @reads correlationId BIGINT
-- @of    CUPTI_ACTIVITY_KIND_MEMCPY CUPTI_ACTIVITY_KIND_MEMSET
-- @of    CUPTI_ACTIVITY_KIND_CUDA_EVENT CUPTI_ACTIVITY_KIND_SYNCHRONIZATION

CREATE TEMP TABLE other_calls AS
FROM launching_calls
WHERE correlation_id IN (
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_MEMCPY
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_MEMSET
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_CUDA_EVENT
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
)
