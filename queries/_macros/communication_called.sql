-- The communication kernels that are asked for, with what they are called.
--
-- Columns: those of kernels_communicating; called.
-- @param  chosen VARCHAR[]       names of traces; NULL for all
-- @param  names VARCHAR          short, full or distinct, see kernels_called
-- @param  communication VARCHAR  name or pattern, ignoring case; NULL for all

SELECT kernels_communicating.*, called
FROM kernels_communicating
JOIN chosen_traces(chosen) AS traces USING (trace_id)
LEFT JOIN kernels_called(names, '*') AS named
    ON named.name = kernel AND named.full_name = kernels_communicating.full_name
WHERE communication IS NULL OR is_called_like(kernel, kernels_communicating.full_name, called, communication)
