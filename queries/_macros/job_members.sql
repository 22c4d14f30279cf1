-- The traces that can be recordings of ranks, with what tells their job.
--
-- Columns: trace_id, trace, start_utc_ns, tags; job_tag, the value of the tag job.
-- @param  chosen VARCHAR[]  names of traces; NULL for all

SELECT trace_id, trace, start_utc_ns, tags, tags['job'] AS job_tag
FROM chosen_traces(chosen)
WHERE has_timeline
