-- Ranges that nest more than 128 deep: hardly any do, and none where the parents of all are soon known.
-- @when  parentless

CREATE TEMP TABLE deep_ranges AS
SELECT range_id FROM range_tree WHERE depth >= 128
