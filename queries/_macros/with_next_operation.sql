-- Gaps on GPUs with what ran after each of them.
--
-- Columns: those of the gaps, and next_operation: name of the kernel, copy, memset or graph.
-- @param  gaps TABLE     rows with kind and operation_id of what ran next; few, as each is named
-- @param  names VARCHAR  short, full or distinct, see the view kernel_names

SELECT gaps_found.*, coalesce(called, operation) AS next_operation
FROM (FROM query_table(gaps)) AS gaps_found
JOIN (SELECT kind, operation_id, operation, full_name FROM gpu_operations) AS operations
    USING (kind, operation_id)
LEFT JOIN kernels_called(names, '*') AS named
    ON named.name = operation AND named.full_name = operations.full_name
