-- Clusters were in ncu's metrics alone.

WITH metrics AS (FROM old.metrics)
SELECT * FROM rule_ncu_clusters
