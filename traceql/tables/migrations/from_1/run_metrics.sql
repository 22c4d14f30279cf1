-- Ids were numbered through all runs of a database: they become those of one import, the first.
-- The metric was called name.

SELECT * REPLACE (4294967296 + run_id AS run_id) RENAME (name AS metric)
FROM old.run_metrics
