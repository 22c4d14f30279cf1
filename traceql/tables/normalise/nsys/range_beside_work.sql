-- What ranges that hold calls beside the tree caused on the GPU: all their operations are paired with them.
--
-- These are start/end ranges, and those that cross others.
-- @when  range_calls

CREATE TEMP TABLE beside_holders AS
SELECT DISTINCT range_id FROM range_calls WHERE trace_id = getvariable('trace_id');

DELETE FROM range_projections WHERE range_id IN (FROM beside_holders);

INSERT INTO range_projections BY NAME
WITH operations AS (
    SELECT held.range_id, gpu_operations.api_call_id, start_ns, end_ns
    FROM (SELECT range_id, api_call_id FROM range_calls WHERE trace_id = getvariable('trace_id')) AS held
    JOIN gpu_operations USING (api_call_id)
    UNION ALL
    SELECT ancestor_id, api_call_id, start_ns, end_ns
    FROM gpu_operations
    JOIN range_climbs USING (range_id)
    WHERE ancestor_id IN (FROM beside_holders)
),
covered AS (
    SELECT
        *,
        max(end_ns) OVER (
            PARTITION BY range_id ORDER BY start_ns, end_ns
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_until
    FROM operations
)
SELECT
    range_id,
    count(*) AS operations,
    count(DISTINCT api_call_id) AS launches,
    min(start_ns) AS start_ns,
    max(end_ns) AS end_ns,
    -- Where no end is known, nor is this: greatest() passes over NULL.
    (sum(greatest(0, end_ns - greatest(start_ns, coalesce(covered_until, start_ns))))
        FILTER (end_ns IS NOT NULL))::BIGINT AS busy_ns
FROM covered
GROUP BY range_id
