-- Whether a row is among the first of its trace that a question lists.
-- @param  place BIGINT  of the row, from 1: row_number() OVER (PARTITION BY trace ORDER BY …)
-- @param  most BIGINT   how many are listed; NULL for all

most IS NULL OR place <= most
