-- Whose time on a GPU is looked at: the GPU's own, whoever shares it, or that of each process on it.
--
-- Part of a lane of `busy_until` and of what it is grouped by, beside trace_id and gpu_id.
-- @param  shown_by VARCHAR   gpu or process; anything else is an error
-- @param  process_id BIGINT  of the operation

CASE shown_by
    WHEN 'gpu' THEN 0
    WHEN 'process' THEN process_id
    ELSE error('by is gpu or process, not ' || coalesce(shown_by, 'NULL'))
END
