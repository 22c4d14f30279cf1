-- The places of ranges that nest more than 128 deep.
-- @when  deep_ranges

-- What comes next on the way out, and how far ranges climb.
CREATE TEMP TABLE deep_climbs AS
SELECT
    range_climbs.*,
    ancestors.parent_id AS next_id,
    CASE WHEN range_tree.depth < 128 THEN 127 ELSE 15 END AS most_levels
FROM range_climbs
JOIN range_tree USING (range_id)
JOIN range_tree AS ancestors ON ancestors.range_id = ancestor_id;

INSERT INTO range_places BY NAME
WITH texts AS (
    SELECT range_id, coalesce(text, '') AS text FROM nvtx_events
),
deep AS (
    SELECT range_id, parent_id, depth, text
    FROM range_tree
    ANTI JOIN range_places USING (range_id)
    JOIN texts USING (range_id)
),
paths AS (
    SELECT
        climbs.range_id,
        CASE WHEN bool_or(next_id IS NULL) THEN '' ELSE '…/' END
            || string_agg(left(ancestors.text, 63), '/' ORDER BY levels DESC) AS path
    FROM deep_climbs AS climbs
    JOIN texts AS ancestors ON ancestors.range_id = ancestor_id
    WHERE most_levels < 127
    GROUP BY climbs.range_id
)
SELECT
    range_id,
    deep.parent_id,
    CASE WHEN next_id IS NULL THEN levels ELSE deep.depth END AS depth,
    coalesce(path, cut(text)) AS path
FROM deep_climbs
JOIN deep USING (range_id)
LEFT JOIN paths USING (range_id)
WHERE next_id IS NULL OR levels = most_levels;

UPDATE traces SET warnings = list_append(
    warnings, 'NVTX ranges nest more than 128 deep (never closed?): outer ones miss work of inner ones.'
)
WHERE trace_id = getvariable('trace_id')
  AND EXISTS (FROM deep_climbs WHERE levels = most_levels AND next_id IS NOT NULL)
