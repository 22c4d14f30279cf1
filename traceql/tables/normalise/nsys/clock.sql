-- Where the trace's time begins on the clock of its event times.
--
-- Up to 2025 event times count from the start of the trace. Exports of 2026 (schema 3.25) carry the
-- target's own clock and name its value at the start (systemClockNs): that is subtracted, unless
-- events before it show that the times are relative after all.
-- @raw   TARGET_INFO_SESSION_START_TIME
-- @reads systemClockNs BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_KERNEL
-- @reads start BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads start BIGINT
-- @raw   NVTX_EVENTS
-- @reads start     BIGINT
-- @reads eventType INTEGER

SET VARIABLE origin_ns = (
    WITH clock AS (
        SELECT max(systemClockNs) AS start_ns FROM raw_TARGET_INFO_SESSION_START_TIME
    ),
    first_events AS (
        SELECT min(start) AS start_ns FROM raw_CUPTI_ACTIVITY_KIND_KERNEL
        UNION ALL
        SELECT min(start) FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
        UNION ALL
        SELECT min(start) FROM raw_NVTX_EVENTS WHERE eventType IN (34, 59, 60)
    )
    SELECT CASE WHEN min(first_events.start_ns) < any_value(clock.start_ns) THEN 0
                ELSE coalesce(any_value(clock.start_ns), 0) END
    FROM clock, first_events
)
