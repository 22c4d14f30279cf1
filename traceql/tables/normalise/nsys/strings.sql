-- The report's string table, for the steps after this one.
-- @raw   StringIds
-- @reads id    BIGINT
-- @reads value VARCHAR

CREATE TEMP TABLE strings AS
SELECT id, value FROM raw_StringIds
