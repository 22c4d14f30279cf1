-- A GPU had a row for each ordinal, and no ordinal before nsys 2025.1: the only GPU of a machine that CUDA
-- can use is its first. A name is what other tables have as well: a natural join meant both.

SELECT * EXCLUDE (ordinals, all_ordinals, is_able, able, place) REPLACE (
    CASE WHEN all_ordinals = 0 AND able = 1 AND is_able THEN 0
         WHEN ordinals = 1 THEN device_id END AS device_id
) RENAME (name AS gpu_name)
FROM (
    SELECT
        *,
        NULL::VARCHAR AS gpu_hash,
        count(*) FILTER (is_able) OVER (PARTITION BY trace_id) AS able
    FROM (
        SELECT
            *,
            count(DISTINCT device_id) OVER (PARTITION BY trace_id, gpu_id) AS ordinals,
            count(device_id) OVER (PARTITION BY trace_id) AS all_ordinals,
            coalesce(compute_capability, '') NOT IN ('', '0.0') AS is_able,
            row_number() OVER (PARTITION BY trace_id, gpu_id ORDER BY device_id) AS place
        FROM old.gpus
    )
    WHERE place = 1
)
