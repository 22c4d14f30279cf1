-- Processes were known by their pids alone; name is what other tables have as well.

SELECT trace_id, pid AS process_id, pid, tid, name AS thread FROM old.threads
