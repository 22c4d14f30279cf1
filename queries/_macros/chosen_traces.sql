-- The traces that a question is asked about: every question joins them in place of the table traces.
--
-- `JOIN chosen_traces($trace) AS traces USING (trace_id)`.
-- @param  chosen VARCHAR  name of a trace; NULL for all

SELECT * FROM traces WHERE chosen IS NULL OR trace = chosen
