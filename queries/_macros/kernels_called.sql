-- What each kernel is called in an answer, and whether it is one of those that were asked for.
--
-- `LEFT JOIN kernels_called($names, $kernel) AS named
--     ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)`.
-- Columns: name, full_name, called, is_asked. A pattern is compared with all its names.
-- @param  names VARCHAR    short, full or distinct, see the view kernel_names
-- @param  pattern VARCHAR  of the kernels that are asked for; * for all

SELECT
    name,
    full_name,
    called,
    is_like(name, pattern) OR is_like(full_name, pattern) OR is_like(called, pattern) AS is_asked
FROM (
    SELECT name, full_name, distinct_name AS called FROM kernel_names WHERE names = 'distinct'
    UNION ALL
    SELECT
        name,
        full_name,
        CASE names WHEN 'short' THEN name WHEN 'full' THEN full_name
            ELSE error('names must be short, full or distinct') END
    FROM kernel_full_names
    WHERE names <> 'distinct'
)
