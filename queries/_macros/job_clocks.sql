-- Which traces are recordings of one job, and how far apart their clocks are.
--
-- Traces with a tag job are of one job where the tag is the same, and of no other. Others are where they
-- share a communicator, or where at least half of the ends of one (and three) have one of the other at the
-- same distance. A report that is in the database twice, as it was recorded and as an export, counts once.
-- A collective ends on all its ranks at about the same time. So the clocks of two hosts differ by what most
-- ends of like kernels (of one communicator; where none was recorded, of one name) in two traces are apart,
-- up to 50 ms; to within some microseconds, and as if they went at the same rate. Without such ends, traces
-- of one tag have the clock of UTC.
--
-- Columns: trace_id; job_id, the first trace of the job that has this clock; clock_offset_ns, by how much
-- this trace's clock is ahead of that one's; shift_ns, to be added to its times to get those of the first
-- trace; clock_known_by: communicator, ends or UTC; NULL of the first trace. A trace alone is a job alone.
-- @param  members TABLE        rows of job_members
-- @param  communicating TABLE  rows of kernels_communicating

WITH RECURSIVE _members AS (
    FROM query_table(members)
),
_communicating AS (
    FROM query_table(communicating)
),
clocks AS (
    SELECT
        trace_id,
        start_utc_ns,
        job_tag,
        row_number() OVER (PARTITION BY job_tag, start_utc_ns ORDER BY trace_id) = 1
            AND start_utc_ns IS NOT NULL
            AS has_clock
    FROM _members
),
ends AS (
    SELECT
        trace_id,
        job_tag,
        communicator,
        (kernel, communicator) AS likeness,
        start_utc_ns + end_ns AS end_ns,
        (start_utc_ns + end_ns) // 50000000 AS stretch,
        row_number() OVER of_trace AS place,
        count(*) OVER of_trace_all AS kernels
    FROM _communicating AS runs
    JOIN clocks USING (trace_id)
    WHERE has_clock
    WINDOW of_trace AS (PARTITION BY trace_id ORDER BY end_ns, kernel_id),
           of_trace_all AS (PARTITION BY trace_id)
),
-- Some hundred ends of a trace are enough,
sampled AS (
    SELECT *, unnest([stretch - 1, stretch, stretch + 1]) AS near_stretch
    FROM ends
    WHERE place % ceil(kernels / 500)::BIGINT = 0
),
-- beside those of the first traces with like kernels: one that holds the same communicator, or up to four.
candidates AS (
    SELECT first_id, second_id
    FROM (
        SELECT DISTINCT
            earlier.trace_id AS first_id,
            later.trace_id AS second_id,
            earlier.communicator IS NOT NULL AS of_communicator
        FROM (SELECT DISTINCT trace_id, job_tag, likeness, communicator FROM ends) AS earlier
        JOIN (SELECT DISTINCT trace_id, job_tag, likeness FROM sampled) AS later USING (likeness)
        WHERE earlier.trace_id < later.trace_id AND earlier.job_tag IS NOT DISTINCT FROM later.job_tag
    )
    QUALIFY row_number() OVER (PARTITION BY second_id ORDER BY of_communicator DESC, first_id)
        <= CASE WHEN bool_or(of_communicator) OVER (PARTITION BY second_id) THEN 1 ELSE 4 END
),
apart AS (
    SELECT first_id, second_id, later.communicator, later.place, later.end_ns - earlier.end_ns AS apart_ns
    FROM candidates
    JOIN sampled AS later ON later.trace_id = second_id
    JOIN ends AS earlier
        ON earlier.trace_id = first_id AND earlier.likeness = later.likeness
        AND earlier.stretch = later.near_stretch
    WHERE abs(later.end_ns - earlier.end_ns) <= 50000000
),
-- How many are as far apart, to within 20 µs: counted at each multiple of it and the one before.
counted AS (
    SELECT first_id, second_id, bin, count(*) AS ends, count(communicator) > 0 AS of_communicator
    FROM (SELECT *, unnest([floor(apart_ns / 20000), floor(apart_ns / 20000) + 1])::BIGINT AS bin FROM apart)
    GROUP BY first_id, second_id, bin
),
likeliest AS (
    SELECT
        first_id,
        second_id,
        arg_max(bin, (ends, -abs(bin), bin)) AS bin,
        max(ends) AS ends,
        -- As many as would be found in so many bins of two traces that have nothing to do with each other.
        sum(ends) / 5000 AS by_chance,
        bool_or(of_communicator) AS of_communicator
    FROM counted
    GROUP BY first_id, second_id
),
accepted AS (
    SELECT first_id, second_id, place, apart_ns, of_communicator
    FROM likeliest
    JOIN apart USING (first_id, second_id)
    WHERE floor(apart_ns / 20000) IN (bin - 1, bin)
        AND (of_communicator OR ends >= greatest(
            3,
            2 * by_chance,
            (SELECT count(*) FROM sampled WHERE sampled.trace_id = second_id AND near_stretch = stretch) / 2
        ))
),
-- Collectives can follow each other within that: most are as far apart to within 2 µs,
finest AS (
    SELECT first_id, second_id, arg_max(bin, (ends, -abs(bin), bin)) AS bin
    FROM (
        SELECT first_id, second_id, bin, count(*) AS ends
        FROM (
            SELECT *, unnest([floor(apart_ns / 2000), floor(apart_ns / 2000) + 1])::BIGINT AS bin
            FROM accepted
        )
        GROUP BY first_id, second_id, bin
    )
    GROUP BY first_id, second_id
),
-- and of each end the nearest one to that belongs to it.
nearest AS (
    SELECT
        first_id,
        second_id,
        arg_min(apart_ns, (abs(apart_ns - 2000 * bin), apart_ns)) AS apart_ns,
        bool_or(of_communicator) AS of_communicator
    FROM finest
    JOIN accepted USING (first_id, second_id)
    GROUP BY first_id, second_id, place
),
paired AS (
    SELECT first_id, second_id, median(apart_ns)::BIGINT AS offset_ns, bool_or(of_communicator) AS is_told
    FROM nearest
    GROUP BY first_id, second_id
),
-- The first trace that one shares collectives with gives it its clock; else that of its tag does.
parents AS (
    SELECT
        second_id AS trace_id,
        min(first_id) AS parent_id,
        arg_min(offset_ns, first_id) AS offset_ns,
        CASE WHEN arg_min(is_told, first_id) THEN 'communicator' ELSE 'ends' END AS clock_known_by
    FROM paired
    GROUP BY second_id
    UNION ALL
    SELECT trace_id, first_id, 0, 'UTC'
    FROM (
        SELECT trace_id, min(trace_id) OVER (PARTITION BY job_tag) AS first_id
        FROM clocks
        WHERE has_clock AND job_tag IS NOT NULL
    )
    WHERE trace_id <> first_id AND trace_id NOT IN (SELECT second_id FROM paired)
),
linked AS (
    SELECT trace_id, trace_id AS job_id, 0::BIGINT AS clock_offset_ns, NULL::VARCHAR AS clock_known_by
    FROM clocks
    WHERE trace_id NOT IN (SELECT trace_id FROM parents)
    UNION ALL
    SELECT parents.trace_id, job_id, clock_offset_ns + offset_ns, parents.clock_known_by
    FROM linked
    JOIN parents ON parents.parent_id = linked.trace_id
)
SELECT
    trace_id,
    job_id,
    clock_offset_ns,
    coalesce(own.start_utc_ns - clock_offset_ns - job.start_utc_ns, 0) AS shift_ns,
    clock_known_by
FROM linked
JOIN clocks AS own USING (trace_id)
JOIN clocks AS job ON job.trace_id = job_id
