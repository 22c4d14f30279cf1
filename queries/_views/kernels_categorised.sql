-- The kind of work of each kernel, by its full name.
--
-- That of the first pattern that matches (see kernel_patterns); what none of them matches is other.
-- @column full_name VARCHAR  full C++ name, or the function name where there is none
-- @column category VARCHAR   kind of work
-- @once   page

SELECT full_name, coalesce(arg_min(category, (priority, category)), 'other') AS category
FROM (
    SELECT DISTINCT coalesce(demangled, name, '') AS full_name
    FROM kernels
    SEMI JOIN asked_traces USING (trace_id)
)
LEFT JOIN kernel_patterns ON regexp_matches(full_name, pattern, 'i')
GROUP BY full_name
