-- Clusters of kernels, of the metrics that ncu's section LaunchStats has.
--
-- A kernel without clusters has a size of 0.

SELECT
    trace_id,
    kernel_id,
    cluster_x::BIGINT AS cluster_x,
    cluster_y::BIGINT AS cluster_y,
    cluster_z::BIGINT AS cluster_z,
    -- PolicySpread, PolicyLoadBalancing …
    lower(regexp_replace(replace(policy, 'Policy', ''), '([a-z])([A-Z])', '\1 \2')) AS scheduling_policy,
    max_active_clusters::BIGINT AS max_active_clusters,
    max_cluster_blocks::BIGINT AS max_cluster_blocks
FROM (
    SELECT
        trace_id,
        kernel_id,
        max(value) FILTER (metric = 'launch__cluster_dim_x') AS cluster_x,
        max(value) FILTER (metric = 'launch__cluster_dim_y') AS cluster_y,
        max(value) FILTER (metric = 'launch__cluster_dim_z') AS cluster_z,
        max(value_text) FILTER (metric = 'launch__cluster_scheduling_policy') AS policy,
        max(value) FILTER (metric = 'launch__cluster_max_active') AS max_active_clusters,
        max(value) FILTER (metric = 'launch__cluster_max_potential_size') AS max_cluster_blocks
    FROM metrics
    WHERE starts_with(metric, 'launch__cluster_')
    GROUP BY trace_id, kernel_id
)
WHERE cluster_x > 0
