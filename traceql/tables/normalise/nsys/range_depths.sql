-- The places of ranges that nest more than 128 deep.
-- @when  deep_ranges

INSERT INTO range_places BY NAME
WITH deep AS (
    FROM range_tree ANTI JOIN range_places USING (range_id)
),
paths AS (
    SELECT
        climbs.range_id,
        CASE WHEN bool_or(next_id IS NULL) THEN '' ELSE '…/' END
            || string_agg(left(ancestors.text, 63), '/' ORDER BY levels DESC) AS path
    FROM range_climbs AS climbs
    JOIN range_tree AS ancestors ON ancestors.range_id = ancestor_id
    WHERE most_levels < 127
    GROUP BY climbs.range_id
)
SELECT
    range_id,
    deep.parent_id,
    CASE WHEN next_id IS NULL THEN levels ELSE deep.depth END AS depth,
    coalesce(path, cut(text)) AS path
FROM range_climbs
JOIN deep USING (range_id)
LEFT JOIN paths USING (range_id)
WHERE next_id IS NULL OR levels = most_levels;

UPDATE traces SET warnings = list_append(
    warnings, 'NVTX ranges nest more than 128 deep (never closed?): outer ones miss work of inner ones.'
)
WHERE trace_id = getvariable('trace_id')
  AND EXISTS (FROM range_climbs WHERE levels = most_levels AND next_id IS NOT NULL)
