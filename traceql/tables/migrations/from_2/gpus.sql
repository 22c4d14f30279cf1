-- A name that other tables have as well: a natural join, or a column without its table, meant both.

SELECT * RENAME (name AS gpu_name)
FROM old.gpus
