-- The report's string table, for the steps after this one: one text per id.
--
-- An export that was appended to holds its strings twice. Of two reports in one file the ids mean different
-- texts: no name would be sure.
-- @raw   StringIds
-- @reads id    BIGINT
-- @reads value VARCHAR

CREATE TEMP TABLE strings AS
SELECT
    id,
    CASE WHEN min(value) IS NOT DISTINCT FROM max(value) THEN min(value)
         ELSE error('StringIds gives two texts for the id ' || id || ': several reports in one file') END
        AS value
FROM raw_StringIds
GROUP BY id
