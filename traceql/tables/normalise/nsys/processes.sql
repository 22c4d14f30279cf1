-- One row per profiled process. nsys lists every process of the machine: only those with events come in.
--
-- Reports that name processes by pid alone hold those of one machine.
-- @raw   PROCESSES
-- @reads pid       BIGINT
-- @reads globalPid BIGINT
-- @reads name      VARCHAR
-- @raw   MPI_RANKS
-- @reads globalTid BIGINT
-- @reads rank      BIGINT
-- @fills processes

INSERT INTO processes BY NAME
WITH active AS (
    SELECT process_id, pid FROM threads WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid FROM memory_ops WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid FROM graph_launches WHERE trace_id = getvariable('trace_id')
),
names AS (
    SELECT
        globalPid & -16777216 AS process_id,
        CASE WHEN globalPid IS NULL THEN pid END AS pid,
        min(regexp_extract(name, '[^/\\]*$')) AS name
    FROM raw_PROCESSES
    GROUP BY ALL
),
-- Told by one of its threads, if it is a rank of MPI.
ranks AS (
    SELECT globalTid & -16777216 AS process_id, min(rank) AS mpi_rank FROM raw_MPI_RANKS GROUP BY ALL
)
SELECT getvariable('trace_id') AS trace_id, active.process_id, active.pid,
       coalesce(by_id.name, by_pid.name) AS process, mpi_rank
FROM active
LEFT JOIN ranks ON ranks.process_id = active.process_id
LEFT JOIN names AS by_id ON by_id.process_id = active.process_id
LEFT JOIN names AS by_pid ON by_pid.pid = active.pid
WHERE active.process_id IS NOT NULL
ORDER BY active.process_id
