-- Processes were known by their pids alone; name is what other tables have as well.

SELECT trace_id, pid AS process_id, pid, name AS process FROM old.processes
