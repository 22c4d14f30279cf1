-- A name that ncu_ranges has as well: a natural join meant both. Labels were not stored.

SELECT * RENAME (text AS value_text), NULL::VARCHAR AS label
FROM old.metrics
