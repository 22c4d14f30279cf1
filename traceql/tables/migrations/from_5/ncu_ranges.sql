-- What else a range told than its text was not stored.

SELECT ranges.*, NULL::VARCHAR AS category, NULL::BIGINT AS color_argb, NULL::VARCHAR AS payload
FROM old.ncu_ranges AS ranges
