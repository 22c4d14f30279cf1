-- The runs of communication kernels of jobs, with the collective that each is a part of: see collective_runs.
--
-- Columns: those of collective_runs; its job_id is clock_id of job_ranks.
-- @param  ranks TABLE  rows of job_ranks

WITH clocks AS (
    SELECT DISTINCT trace_id, clock_id AS job_id, clock_offset_ns, shift_ns FROM query_table(ranks)
),
communicating AS (
    FROM kernels_communicating
    SEMI JOIN clocks USING (trace_id)
)
FROM collective_runs('communicating', 'clocks')
