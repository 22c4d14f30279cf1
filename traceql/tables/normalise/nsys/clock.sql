-- Where the trace's time begins on the clock of its event times.
--
-- Event times count from the start of the trace, or are the target's own clock, whose value at the start is
-- named then (systemClockNs; exports of 2026 name it in either case). All events together decide: how many
-- lie within the recording by the one reading only, and how many by the other. Where the recording is longer
-- than the clock was old, all can lie in it by both: then it is the clock, as exports of schema 3.25 have it.
-- What no event decides is left as it is, and so are the times of a report that names no clock.
-- @raw   TARGET_INFO_SESSION_START_TIME
-- @reads systemClockNs BIGINT
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_KERNEL
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_MEMCPY
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_MEMSET
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_GRAPH_TRACE
-- @reads start BIGINT
-- @raw   CUDA_GRAPH_NODE_EVENTS|CUDA_GRAPH_EVENTS
-- @reads start BIGINT
-- @raw   OSRT_API
-- @reads start BIGINT
-- @raw   CUDA_UM_CPU_PAGE_FAULT_EVENTS
-- @reads start BIGINT
-- @raw   CUDA_GPU_MEMORY_USAGE_EVENTS
-- @reads start BIGINT
-- @raw   CUDA_UM_GPU_PAGE_FAULT_EVENTS
-- @reads start BIGINT
-- @raw   NVTX_EVENTS
-- @reads start     BIGINT
-- @reads eventType INTEGER
-- @raw   GPU_METRICS
-- @reads timestamp BIGINT
-- @raw   GPU_CONTEXT_SWITCH_EVENTS|FECS_EVENTS
-- @reads timestamp BIGINT
-- @raw   NVTX_COUNTER_SAMPLES
-- @reads timestamp BIGINT
-- @raw   NET_NIC_METRIC
-- @reads start BIGINT
-- @raw   NET_IB_SWITCH_METRIC
-- @reads start BIGINT
-- @raw   GENERIC_EVENTS
-- @reads timestamp BIGINT
-- @raw   OTHER_EVENTS
-- @reads start BIGINT
-- @of    TARGET_INFO_SESSION_START_TIME.systemClockNs

SET VARIABLE origin_ns = (
    WITH clock AS (
        SELECT
            max(systemClockNs) AS start_ns,
            -- Where no length is recorded, no event is too late.
            coalesce((SELECT nullif(max(duration), 0) FROM raw_ANALYSIS_DETAILS), 4611686018427387904)
                AS duration_ns
        FROM raw_TARGET_INFO_SESSION_START_TIME
    ),
    events AS (
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_KERNEL
        UNION ALL
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
        UNION ALL
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_MEMCPY
        UNION ALL
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_MEMSET
        UNION ALL
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
        UNION ALL
        SELECT start AS at_ns FROM raw_CUPTI_ACTIVITY_KIND_GRAPH_TRACE
        UNION ALL
        SELECT start AS at_ns FROM raw_CUDA_GRAPH_NODE_EVENTS
        UNION ALL
        SELECT start AS at_ns FROM raw_OSRT_API
        UNION ALL
        SELECT start AS at_ns FROM raw_CUDA_UM_CPU_PAGE_FAULT_EVENTS
        UNION ALL
        -- What was allocated before has 0 on any clock.
        SELECT nullif(start, 0) AS at_ns FROM raw_CUDA_GPU_MEMORY_USAGE_EVENTS
        UNION ALL
        SELECT start AS at_ns FROM raw_CUDA_UM_GPU_PAGE_FAULT_EVENTS
        UNION ALL
        SELECT start FROM raw_NVTX_EVENTS WHERE eventType IN (34, 59, 60)
        UNION ALL
        SELECT timestamp FROM raw_GPU_METRICS
        UNION ALL
        SELECT timestamp FROM raw_GPU_CONTEXT_SWITCH_EVENTS
        UNION ALL
        SELECT timestamp FROM raw_NVTX_COUNTER_SAMPLES
        UNION ALL
        SELECT start FROM raw_NET_NIC_METRIC
        UNION ALL
        SELECT start FROM raw_NET_IB_SWITCH_METRIC
        UNION ALL
        SELECT timestamp FROM raw_GENERIC_EVENTS
        UNION ALL
        SELECT start FROM raw_OTHER_EVENTS
    ),
    readings AS (
        SELECT
            start_ns,
            at_ns BETWEEN 0 AND duration_ns AS is_relative,
            at_ns BETWEEN start_ns AND start_ns + duration_ns AS is_clock
        FROM events, clock
        WHERE start_ns IS NOT NULL
    )
    SELECT coalesce(
        CASE WHEN count(*) FILTER (is_clock AND NOT is_relative)
                  > count(*) FILTER (is_relative AND NOT is_clock)
             THEN any_value(start_ns)
             WHEN bool_or(is_clock AND is_relative) AND NOT bool_or(is_clock <> is_relative)
             THEN any_value(start_ns) END,
        0
    )
    FROM readings
)
