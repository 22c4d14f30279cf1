-- In which range those lie of which that is not known yet: deep ones, and those among ranges that cross.
-- @when  parentless

UPDATE stack_steps SET parent_id = parents.parent_id
FROM (
    SELECT inner_range.range_id, inner_range.opens, outer_range.range_id AS parent_id
    FROM (
        SELECT *, depth - 1 AS outer_depth FROM stack_steps WHERE depth > 0 AND parent_id IS NULL
    ) AS inner_range
    ASOF JOIN (FROM stack_steps WHERE opens) AS outer_range
        ON outer_range.thread = inner_range.thread
        AND outer_range.depth = inner_range.outer_depth
        AND outer_range.step <= inner_range.step
) AS parents
WHERE stack_steps.range_id = parents.range_id AND stack_steps.opens = parents.opens
