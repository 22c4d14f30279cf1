-- The traces that a question is asked about: views that look at all rows of a trace join them first.
--
-- A filter behind a window would come too late. Whoever asks SQL of his own asks about all of them.
-- @column trace_id BIGINT  the trace, see traces
-- @column trace VARCHAR    name of the trace

SELECT trace_id, trace FROM traces
