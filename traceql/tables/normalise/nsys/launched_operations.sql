-- What ranges may hold is what calls launched: the rest is left out, also as what ran before.
-- @when  unlaunched_operations

SET VARIABLE launched_only = true;

CREATE TEMP TABLE launched_operations AS
FROM ordered_work;

DROP TABLE gpu_operations;
ALTER TABLE launched_operations RENAME TO gpu_operations
