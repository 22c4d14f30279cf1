-- Names that other tables have as well: a natural join, or a column without its table, meant both.

SELECT * RENAME (name AS trace, kind AS profiler, duration_ns AS trace_duration_ns)
FROM old.traces
