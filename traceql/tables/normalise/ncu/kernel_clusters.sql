-- One row per kernel whose blocks form clusters, as its metrics tell.
-- @fills kernel_clusters

INSERT INTO kernel_clusters BY NAME
SELECT * FROM rule_ncu_clusters
WHERE trace_id = getvariable('trace_id')
ORDER BY kernel_id
