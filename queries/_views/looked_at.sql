-- Which time of each trace is looked at: its recording, or what of it a question is narrowed to.
--
-- Of what belongs to a range (--within) the ends are NULL: it reaches as far as it happens to run.
-- @column trace_id BIGINT  the trace, see traces
-- @column trace VARCHAR    name of the trace
-- @column from_ns BIGINT   from then on
-- @column to_ns BIGINT     until then; NULL where the report does not tell how long it is

SELECT trace_id, trace, 0::BIGINT AS from_ns, trace_duration_ns AS to_ns
FROM traces
