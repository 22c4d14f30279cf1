-- Processes were known by their pids alone.

SELECT *, pid AS process_id FROM old.nvtx_ranges
