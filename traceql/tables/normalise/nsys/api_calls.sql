-- One row per CUDA runtime or driver call.
--
-- CUDA appends the version of an entry point to its name (cudaLaunchKernel_v7000): dropped.
-- Some tools inject wrapper rows of another class that share the runtime call's correlation id. Class 67 is
-- the call a second time, for its stack: see backtraces.
-- The range is the one in which the call starts: outlasting_calls mends those that go on after its end.
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads eventClass    INTEGER
-- @reads globalTid     BIGINT
-- @reads correlationId BIGINT
-- @reads nameId        BIGINT
-- @reads returnValue   BIGINT
-- @only  eventClass IS DISTINCT FROM 67
-- @numbers position
-- @finds range_id
-- @pieces start
-- @fills api_calls = CUPTI_ACTIVITY_KIND_RUNTIME

-- Where there are no ranges, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS range_timeline (thread BIGINT, at_ns BIGINT, range_id BIGINT);

-- Times of calls are all that is sorted: whole calls take longer, and would then be stored in no order.
WITH timeline AS (
    -- What was the innermost range when the first of the calls started, and from then on.
    SELECT thread, at_ns, range_id
    FROM range_timeline
    WHERE getvariable('least') IS NULL
       OR at_ns BETWEEN getvariable('least') - getvariable('origin_ns')
                    AND getvariable('greatest') - getvariable('origin_ns')
    UNION ALL
    SELECT thread, max(at_ns), arg_max_null(range_id, at_ns)
    FROM range_timeline
    WHERE at_ns < getvariable('least') - getvariable('origin_ns')
    GROUP BY thread
)
SELECT range_id
FROM (
    SELECT position, globalTid, start - getvariable('origin_ns') AS start_ns
    FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
) AS calls
ASOF LEFT JOIN timeline ON timeline.thread = globalTid AND timeline.at_ns <= calls.start_ns
ORDER BY position;

INSERT INTO api_calls BY NAME
WITH names AS (
    SELECT id, regexp_replace(value, '_v[0-9]+$', '') AS name FROM strings
),
layers(id, layer) AS (
    VALUES (0, 'runtime'), (1, 'driver')
)
SELECT
    (getvariable('trace_id') << 32) + position AS api_call_id,
    getvariable('trace_id') AS trace_id,
    names.name,
    coalesce(layers.layer, 'other') AS layer,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    correlationId AS correlation_id,
    returnValue AS return_value,
    range_id
FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
LEFT JOIN names ON names.id = nameId
LEFT JOIN layers ON layers.id = eventClass
