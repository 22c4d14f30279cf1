-- How long the GPUs of each trace were looked at, without the gaps of start-up, which are paid once.
--
-- Each from its first operation to the end of its last one; see gaps_of_start_up.
-- Columns: those of spans_behind.
-- @param  chosen ANY  names of traces, or one name; NULL for all

FROM spans_behind(chosen, 'gaps_of_start_up')
