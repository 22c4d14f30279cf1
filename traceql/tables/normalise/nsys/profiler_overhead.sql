-- One row per stretch of time that the profiler took, as nsys tells it (PROFILER_OVERHEAD) and as CUPTI does.
--
-- The types are CUPTI's (CUpti_ActivityOverheadKind), with the labels that nsys prints; nsys 2026 tells them.
-- @raw   PROFILER_OVERHEAD
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads globalTid    BIGINT
-- @reads nameId       BIGINT
-- @reads overheadType INTEGER
-- @raw   CUPTI_ACTIVITY_KIND_OVERHEAD
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads globalTid    BIGINT
-- @reads nameId       BIGINT
-- @reads overheadType INTEGER
-- @of    PROFILER_OVERHEAD CUPTI_ACTIVITY_KIND_OVERHEAD
-- @fills profiler_overhead = PROFILER_OVERHEAD + CUPTI_ACTIVITY_KIND_OVERHEAD

INSERT INTO profiler_overhead BY NAME
WITH types(id, label) AS (
    VALUES (0, 'Undefined'), (1, 'Unknown'), (2, 'Driver JIT compiler (CUDA)'),
           (3, 'Buffer flush (Profiler)'), (4, 'Instrumentation (Profiler)'),
           (5, 'Resource creation/destruction (Profiler)'),
           (6, 'Runtime module loading (CUDA)'), (7, 'Lazy function loading (CUDA)'),
           (8, 'Command buffer full (CUDA)')
),
told AS (
    SELECT 'nsys' AS told_by, start, "end", globalTid, nameId, overheadType FROM raw_PROFILER_OVERHEAD
    UNION ALL
    SELECT 'CUPTI', start, "end", globalTid, nameId, overheadType FROM raw_CUPTI_ACTIVITY_KIND_OVERHEAD
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32)
            + row_number() OVER (ORDER BY start, globalTid, told_by, "end", activity, overheadType)
            AS profiler_overhead_id,
        *
    FROM (SELECT told.*, strings.value AS activity FROM told LEFT JOIN strings ON strings.id = nameId)
)
SELECT
    profiler_overhead_id,
    getvariable('trace_id') AS trace_id,
    activity,
    coalesce(types.label, 'Unknown (' || overheadType || ')') AS overhead_type,
    told_by,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid
FROM numbered
LEFT JOIN types ON types.id = overheadType
ORDER BY profiler_overhead_id
