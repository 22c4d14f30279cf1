-- A name that ncu_ranges has as well: a natural join meant both.

SELECT * RENAME (text AS value_text)
FROM old.metrics
