-- Ids were numbered through all runs of a database: they become those of one import, the first.

SELECT * REPLACE (4294967296 + run_id AS run_id)
FROM old.runs
