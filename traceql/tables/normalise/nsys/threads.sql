-- One row per thread that recorded anything; names of other threads of the machine are not taken over.
-- @raw   ThreadNames
-- @reads nameId    BIGINT
-- @reads globalTid BIGINT
-- @fills threads

INSERT INTO threads BY NAME
WITH active AS (
    SELECT process_id, pid, tid FROM api_calls WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM nvtx_ranges WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM os_calls WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM cpu_samples WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM python_samples WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM thread_states WHERE trace_id = getvariable('trace_id')
    UNION
    SELECT process_id, pid, tid FROM library_calls WHERE trace_id = getvariable('trace_id')
),
names AS (
    SELECT
        globalTid & -16777216 AS process_id,
        globalTid & 16777215 AS tid,
        min(strings.value) AS name
    FROM raw_ThreadNames
    LEFT JOIN strings ON strings.id = nameId
    GROUP BY ALL
)
SELECT getvariable('trace_id') AS trace_id, process_id, pid, tid, names.name AS thread
FROM active
LEFT JOIN names USING (process_id, tid)
ORDER BY process_id, tid
