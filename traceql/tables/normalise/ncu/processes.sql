-- One row per profiled process.
-- @raw   ncu_processes
-- @reads pid  BIGINT
-- @reads name VARCHAR
-- @fills processes = ncu_processes

INSERT INTO processes BY NAME
SELECT getvariable('trace_id') AS trace_id, pid AS process_id, pid, name AS process
FROM raw_ncu_processes
ORDER BY pid
