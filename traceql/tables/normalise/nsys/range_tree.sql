-- Every NVTX range with its place: the ranges around it, from its parent to the outermost one.
--
-- Ranges of the stacks, what merely lies in them, and start/end ranges, which belong to no stack.
-- @when  nvtx_events
-- @fills range_ancestors

-- Where all hold something, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS lying_places (range_id BIGINT, parent_id BIGINT, depth INTEGER);

CREATE TEMP TABLE range_tree AS
WITH placed AS (
    SELECT range_id, parent_id, depth FROM stack_parents
    UNION ALL
    FROM lying_places
    UNION ALL
    SELECT range_id, NULL, 0 FROM nvtx_events WHERE event_type = 60
)
FROM placed;

-- From every range up to the outermost one. Programs that forget to close ranges nest them without end: 128
-- levels are enough for anything that nests on purpose, and what lies deeper climbs 16 of them.
INSERT INTO range_ancestors BY NAME
WITH RECURSIVE climbs AS (
    SELECT range_id, range_id AS ancestor_id, parent_id AS next_id, 0 AS levels,
           CASE WHEN depth < 128 THEN 127 ELSE 15 END AS most_levels
    FROM range_tree
    UNION ALL
    SELECT climbs.range_id, next_id, parent_id, levels + 1, most_levels
    FROM climbs
    JOIN range_tree ON range_tree.range_id = climbs.next_id
    WHERE levels < most_levels AND next_id IS NOT NULL
)
SELECT getvariable('trace_id') AS trace_id, range_id, ancestor_id, levels FROM climbs;

CREATE TEMP VIEW range_climbs AS
SELECT range_id, ancestor_id, levels FROM range_ancestors WHERE trace_id = getvariable('trace_id');

-- Of more than 1024 characters the middle is left out: however long texts are, and however deep ranges nest,
-- a path is short. Bytes are counted first, which takes no time.
CREATE TEMP MACRO cut(path) AS
    CASE WHEN strlen(path) > 1024 AND length(path) > 1024
         THEN left(path, 512) || '…' || right(path, 511) ELSE path END;

-- Counted from the outermost range: where ranges cross, fewer are around one than were open.
CREATE TEMP TABLE range_places AS
WITH RECURSIVE places AS (
    SELECT range_id, parent_id, 0 AS depth, cut(coalesce(text, '')) AS path
    FROM range_tree
    JOIN nvtx_events USING (range_id)
    WHERE parent_id IS NULL AND depth < 128
    UNION ALL
    SELECT inner_range.range_id, inner_range.parent_id, places.depth + 1, cut(path || '/' || text)
    FROM places
    JOIN (
        SELECT range_id, parent_id, coalesce(text, '') AS text
        FROM range_tree
        JOIN nvtx_events USING (range_id)
        WHERE depth < 128
    ) AS inner_range ON inner_range.parent_id = places.range_id
)
FROM places
