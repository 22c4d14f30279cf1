-- Calls of cuBLAS and cuDNN that nsys traces for itself; newer versions have them as NVTX ranges.
--
-- Classes 28 and 29 are calls; others mark the start and the end of the tracing.
-- @raw   CUBLAS_EVENTS
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads eventClass INTEGER
-- @reads nameId     BIGINT
-- @raw   CUDNN_EVENTS
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads eventClass INTEGER
-- @reads nameId     BIGINT
-- @of    CUBLAS_EVENTS CUDNN_EVENTS
-- @fills library_calls = cuda_library_events

CREATE TEMP TABLE cuda_library_events AS
WITH told AS (
    SELECT 'cuBLAS' AS library, start, "end", globalTid, nameId FROM raw_CUBLAS_EVENTS WHERE eventClass = 29
    UNION ALL
    SELECT 'cuDNN', start, "end", globalTid, nameId FROM raw_CUDNN_EVENTS WHERE eventClass = 28
)
SELECT
    -- Behind those of other libraries.
    (
        SELECT coalesce(max(library_call_id), getvariable('trace_id') << 32)
        FROM library_calls
        WHERE trace_id = getvariable('trace_id')
    ) + row_number() OVER (
        ORDER BY start, globalTid, library, name, "end"
    ) AS library_call_id,
    *
FROM (SELECT told.*, strings.value AS name FROM told LEFT JOIN strings ON strings.id = nameId);

INSERT INTO library_calls BY NAME
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    library,
    name,
    started.start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    range_timeline.range_id
FROM (SELECT *, start - getvariable('origin_ns') AS start_ns FROM cuda_library_events) AS started
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = globalTid AND range_timeline.at_ns <= started.start_ns
ORDER BY library_call_id
