-- What GPU work refers to: one call per process and correlation id, which is unique within one process only.
--
-- A driver call inside a runtime call may share its id, and the outer one launched the work. Where ids rise
-- from call to call, as they mostly do, none is shared, and calls need not be sorted to see that.
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads eventClass    INTEGER
-- @reads globalTid     BIGINT
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_MEMCPY
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_MEMSET
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_CUDA_EVENT
-- @reads correlationId BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @reads correlationId BIGINT

-- Of all rows, which is faster to see; and if they do not, of those that can launch.
SET VARIABLE ids_rise = (
    SELECT coalesce(bool_and(correlationId > id_before) AND min(globalTid) >> 24 = max(globalTid) >> 24, true)
    FROM (
        SELECT globalTid, correlationId, lag(correlationId) OVER () AS id_before
        FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
        WHERE correlationId IS NOT NULL
    )
);
SET VARIABLE ids_rise = (
    SELECT coalesce(bool_and(correlationId > id_before) AND min(globalTid) >> 24 = max(globalTid) >> 24, true)
    FROM (
        SELECT globalTid, correlationId, lag(correlationId) OVER () AS id_before
        FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
        WHERE NOT getvariable('ids_rise') AND eventClass IN (0, 1) AND correlationId IS NOT NULL
    )
);

CREATE TEMP TABLE outer_calls AS
SELECT process_id, correlation_id, api_call_id, range_id, start_ns AS called_ns
FROM api_calls
WHERE NOT getvariable('ids_rise')
    AND trace_id = getvariable('trace_id') AND layer <> 'other' AND correlation_id IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY process_id, correlation_id ORDER BY start_ns, end_ns DESC, api_call_id
) = 1;

-- A view: a table of all calls would be more than may be in memory.
CREATE TEMP VIEW launching_calls AS
SELECT process_id, correlation_id, api_call_id, range_id, start_ns AS called_ns
FROM api_calls
WHERE getvariable('ids_rise')
    AND trace_id = getvariable('trace_id') AND layer <> 'other' AND correlation_id IS NOT NULL
UNION ALL
FROM outer_calls;

-- Those of what is neither a kernel nor a graph: few, and looked for once.
CREATE TEMP TABLE other_calls AS
FROM launching_calls
WHERE correlation_id IN (
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_MEMCPY
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_MEMSET
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_CUDA_EVENT
    UNION ALL
    SELECT correlationId FROM raw_CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
)
