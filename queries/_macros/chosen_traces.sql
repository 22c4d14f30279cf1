-- The traces that a question is asked about: every question joins them in place of the table traces.
--
-- `JOIN chosen_traces($trace) AS traces USING (trace_id)`. Patterns and tags are names by then.
-- @param  chosen ANY  names of traces, or one name; NULL for all

SELECT * FROM traces WHERE chosen IS NULL OR json_contains(to_json(chosen), to_json(trace))
