-- What a trace has was told by its profiler; now it says so itself.

SELECT
    trace_id,
    name,
    kind,
    kind = 'nsys' AS has_timeline,
    kind = 'ncu' AS has_counters,
    * EXCLUDE (trace_id, name, kind)
FROM old.traces
