-- The report's string table, for the steps after this one.
-- @raw StringIds id:BIGINT value:VARCHAR

CREATE TEMP TABLE strings AS
SELECT id, value FROM raw_StringIds
