-- The ranges that are steps, see step_ranges: with what nvtx_ranges says of them.
--
-- Columns: those of nvtx_ranges, and step_text: the text without the number of the step.
-- @param  wanted VARCHAR  pattern on the text; NULL for none

SELECT *, step_name(text) AS step_text
FROM nvtx_ranges
SEMI JOIN (
    SELECT range_id FROM step_ranges_found WHERE wanted IS NULL
    UNION ALL
    SELECT range_id FROM step_ranges(wanted) WHERE wanted IS NOT NULL
) AS steps USING (range_id)
