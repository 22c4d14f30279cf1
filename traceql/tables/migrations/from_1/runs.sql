-- Ids were numbered through all runs of a database: they become those of one import, the first. A sweep of a
-- benchmark was called after the first one.

SELECT * REPLACE (
    4294967296 + run_id AS run_id,
    CASE format WHEN 'nwor-sweep' THEN 'benchmark-sweep' ELSE format END AS format
)
FROM old.runs
