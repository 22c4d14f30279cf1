-- The runs of communication kernels, with the collective that each is a part of.
--
-- Runs belong together when they are of one communicator (where none was recorded: of one name) and all of
-- them run at the same time, each on another GPU: no rank can leave a collective before the last one has
-- come. Of collectives that follow each other without a pause of all ranks, those that are next on their
-- ranks belong together, counted from the first or from the last one, whichever fits more of them. What
-- only one rank has recorded, or what does not overlap, belongs to none.
--
-- Columns: those of kernels_communicating, times on the clock of the job's first trace; job_id,
-- clock_offset_ns and shift_ns (see job_clocks); ranks, 1 for a run without others; first_start_ns,
-- last_start_ns, first_end_ns, last_end_ns of all runs of the collective; collective, a number in the job
-- that they share.
-- @param  communicating TABLE  rows of kernels_communicating
-- @param  clocks TABLE         rows of job_clocks

WITH _clocks AS (
    FROM query_table(clocks)
),
recorded AS (
    FROM query_table(communicating)
),
runs AS (
    SELECT
        recorded.* REPLACE (start_ns + shift_ns AS start_ns, end_ns + shift_ns AS end_ns),
        job_id,
        clock_offset_ns,
        shift_ns,
        (job_id, communicator, kernel) AS likeness
    FROM recorded
    JOIN _clocks AS clocks USING (trace_id)
),
stepped AS (
    SELECT
        *,
        coalesce(busy_until(start_ns, end_ns, kernel_id, likeness) > start_ns, false) AS goes_on
    FROM runs
),
-- Stretches of time in which at least one rank is in a collective.
busy AS (
    SELECT
        *,
        count_if(NOT goes_on) OVER (
            PARTITION BY likeness ORDER BY start_ns, end_ns, kernel_id ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM stepped
),
-- The first and the last ones of a stretch can lack on a rank whose recording began later, or ended earlier.
counted AS (
    SELECT
        *,
        row_number() OVER (own ORDER BY start_ns, kernel_id) AS from_first,
        row_number() OVER (own ORDER BY start_ns DESC, kernel_id DESC) AS from_last
    FROM busy
    WINDOW own AS (PARTITION BY likeness, stretch, trace_id, process_id, device_id)
),
tried AS (
    SELECT
        *,
        max(start_ns) OVER by_first < min(end_ns) OVER by_first AND count(*) OVER by_first > 1
            AS fits_by_first,
        max(start_ns) OVER by_last < min(end_ns) OVER by_last AND count(*) OVER by_last > 1 AS fits_by_last
    FROM counted
    WINDOW by_first AS (PARTITION BY likeness, stretch, from_first),
           by_last AS (PARTITION BY likeness, stretch, from_last)
),
placed AS (
    SELECT
        *,
        CASE WHEN count_if(fits_by_last) OVER whole > count_if(fits_by_first) OVER whole THEN from_last
             ELSE from_first END AS place
    FROM tried
    WINDOW whole AS (PARTITION BY likeness, stretch)
),
together AS (
    SELECT
        *,
        count(*) OVER collective AS ranks,
        min(start_ns) OVER collective AS first_start_ns,
        max(start_ns) OVER collective AS last_start_ns,
        min(end_ns) OVER collective AS first_end_ns,
        max(end_ns) OVER collective AS last_end_ns,
        min(kernel_id) OVER collective AS collective
    FROM placed
    WINDOW collective AS (PARTITION BY likeness, stretch, place)
)
SELECT * EXCLUDE (likeness, goes_on, stretch, from_first, from_last, fits_by_first, fits_by_last, place)
    REPLACE (CASE WHEN last_start_ns < first_end_ns THEN ranks ELSE 1 END AS ranks)
FROM together
