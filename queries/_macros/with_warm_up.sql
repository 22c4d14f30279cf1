-- Steps with whether they are warm-up: compiling, autotuning and first allocations make them longer.
--
-- Those are the first steps of a thread, of one text without the number of the step, that each take more than
-- twice the median of all of that text, on the CPU or on the GPU, up to the first one that does not. By how
-- much a step keeps the GPU busy for longer than the median does not count: a prompt that comes first is more
-- work, and no warm-up. Of one or two steps none takes so long.
-- Of a window of time (--from, --within) they are the first ones in it: what was before is not there.
--
-- Columns: those of the steps, and is_warm_up.
-- @param  found_steps TABLE  rows with trace_id, process_id, tid, range_id, step_text (see steps_of),
--                            start_ns, duration_ns, gpu_start_ns, gpu_end_ns and gpu_busy_ns

WITH _timed AS (
    SELECT
        *,
        coalesce(greatest(gpu_busy_ns - median(gpu_busy_ns) OVER _alike, 0), 0) AS _more_work_ns,
        coalesce(duration_ns - _more_work_ns > 2 * median(duration_ns) OVER _alike, false)
            OR coalesce(
                gpu_end_ns - gpu_start_ns - _more_work_ns
                    > 2 * median(gpu_end_ns - gpu_start_ns) OVER _alike,
                false
            ) AS _is_long
    FROM query_table(found_steps)
    WINDOW _alike AS (PARTITION BY trace_id, process_id, tid, step_text)
)
SELECT
    * EXCLUDE (_is_long, _more_work_ns),
    bool_and(_is_long) OVER (
        PARTITION BY trace_id, process_id, tid, step_text
        ORDER BY coalesce(start_ns, gpu_start_ns), range_id, gpu_start_ns
        ROWS UNBOUNDED PRECEDING
    ) AS is_warm_up
FROM _timed
