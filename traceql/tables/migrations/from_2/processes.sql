-- Processes were known by their pids alone. A name that other tables have as well, a natural join took for
-- the same.

SELECT trace_id, pid AS process_id, pid, name AS process FROM old.processes
