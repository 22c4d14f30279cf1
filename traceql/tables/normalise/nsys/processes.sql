-- One row per profiled process. nsys lists every process of the machine: only those with events come in.
-- @raw   PROCESSES
-- @reads pid       BIGINT
-- @reads globalPid BIGINT
-- @reads name      VARCHAR
-- @fills processes

INSERT INTO processes BY NAME
WITH active AS (
    SELECT DISTINCT pid FROM threads WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT DISTINCT pid FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT DISTINCT pid FROM memory_ops WHERE trace_id = getvariable('trace_id')
),
names AS (
    SELECT coalesce(globalPid >> 24 & 16777215, pid) AS pid,
           any_value(regexp_extract(name, '[^/\\]*$')) AS name
    FROM raw_PROCESSES
    GROUP BY ALL
)
SELECT getvariable('trace_id') AS trace_id, pid, names.name AS process
FROM active
LEFT JOIN names USING (pid)
WHERE pid IS NOT NULL
ORDER BY pid
