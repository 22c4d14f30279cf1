-- Processes were known by their pids alone.

SELECT trace_id, pid AS process_id, pid, name FROM old.processes
