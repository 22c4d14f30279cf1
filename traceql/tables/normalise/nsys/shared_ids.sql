-- Whether the ids of those calls that can launch anything rise, where those of all calls do not.
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads eventClass    INTEGER
-- @reads globalTid     BIGINT
-- @reads correlationId BIGINT
-- @when  mixed_ids

CREATE TEMP TABLE shared_ids AS
SELECT 1
FROM (
    SELECT globalTid, correlationId, lag(correlationId) OVER () AS id_before
    FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
    WHERE eventClass IN (0, 1) AND correlationId IS NOT NULL
)
HAVING NOT (bool_and(correlationId > id_before) AND min(globalTid) >> 24 = max(globalTid) >> 24)
