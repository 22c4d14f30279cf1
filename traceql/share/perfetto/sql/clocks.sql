-- Nanoseconds since 1970 at time 0 of each trace, on the clock of the first one of its job.

WITH members AS (
    FROM job_members($trace)
),
communicating AS (
    FROM kernels_communicating
    SEMI JOIN members USING (trace_id)
),
clocks AS (
    FROM job_clocks(members, communicating)
)
SELECT
    members.trace_id,
    members.trace,
    coalesce(firsts.start_utc_ns + shift_ns, members.start_utc_ns) AS utc_ns
FROM members
JOIN clocks USING (trace_id)
JOIN traces AS firsts ON firsts.trace_id = job_id
ORDER BY members.trace_id
