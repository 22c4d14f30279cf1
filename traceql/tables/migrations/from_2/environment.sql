-- A name that other tables have as well: a natural join, or a column without its table, meant both.

SELECT * RENAME (name AS variable, value AS content)
FROM old.environment
