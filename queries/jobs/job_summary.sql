-- Which ranks does a job have, what did each do, and what is missing?
--
-- A job is what the tag job says, or traces that share collectives; one trace can hold several ranks, see the
-- view jobs. Times are on the clock of the job's first trace.
-- @of     job
-- @needs  timeline
-- @column job VARCHAR                name of the job: its tag, or the name of its first trace
-- @column job_known_by VARCHAR       tag, communicator (shared), ends (of collectives that fit) or alone
-- @column rank BIGINT                number of the rank; NULL if it is not known, while others' are
-- @column rank_known_by VARCHAR      tag, communicator, name (of the trace) or order (of processes)
-- @column trace VARCHAR              name of the trace
-- @column pid BIGINT                 process; NULL of a trace without GPU work, whose numbers are 0, or NULL
--         where GPU work was not recorded
-- @column host BIGINT                number of the machine in the job, by the tag host or GPUs in common
-- @column gpu_id INTEGER             the GPU, see gpus
-- @column gpu VARCHAR                name of the GPU
-- @column communicator_ranks BIGINT  ranks of its largest communicator, told by calls that make one
-- @column clock_known_by VARCHAR     communicator, ends or UTC; NULL of the trace whose clock it is
-- @column start_ns BIGINT            start of its first GPU operation; NULL without a clock in common
-- @column span_ns BIGINT             from there to the end of its last one
-- @column kernels BIGINT             kernel executions
-- @column gpu_busy_ns BIGINT         time with at least one operation running
-- @column work_ns BIGINT             of that, time in which it does something
-- @column waiting_ns BIGINT          the rest: nothing runs but collectives that wait for their last rank
-- @column idle_ns BIGINT             time of the span in which nothing runs; NULL without one
-- @column collectives BIGINT         collectives with other recorded ranks
-- @column alone BIGINT               runs of communication kernels that no other rank was found in
-- @column finding VARCHAR            what is wrong or missing; NULL if nothing is
-- @chart  parted_bars x=rank y=work_ns y2=waiting_ns y3=idle_ns
-- @section job 10 Ranks | expanded
-- @note   SELECT format('{}: its traces are taken for one job, as they share communicators or ends of '
-- @note   || 'collectives. To say it yourself: traceql tag TRACE… job=NAME rank=N', job)
-- @note   FROM answer WHERE job_known_by IN ('communicator', 'ends') GROUP BY job
-- @note   UNION ALL
-- @note   SELECT format('{}: {} of {} recorded', job, if(count(*) = 1, '1 rank', count(*) || ' ranks'),
-- @note   greatest(max(rank) + 1, max(communicator_ranks)) || if(count(*) = 1, ' was', ' were'))
-- @note   FROM answer GROUP BY job
-- @note   HAVING greatest(max(rank) + 1, max(communicator_ranks)) > count(*)
-- @note   UNION ALL
-- @note   SELECT format('{}: {} traces are called rank {} ({}). To say it right: traceql tag TRACE rank=N',
-- @note   job, count(*), rank, string_agg(trace, ', ' ORDER BY trace))
-- @note   FROM answer WHERE rank IS NOT NULL GROUP BY job, rank HAVING count(*) > 1 ORDER BY 1

WITH numbered AS (
    FROM job_ranks($trace)
),
runs AS (
    FROM job_runs(numbered)
),
-- By number, as is all that has to be sorted.
lanes AS (
    SELECT trace_id, process_id, gpu_id, shift_ns, (row_number() OVER ())::INTEGER AS lane FROM numbered
),
operations AS NOT MATERIALIZED (
    SELECT lane, kind, operation_id, start_ns, end_ns, shift_ns
    FROM gpu_operations
    JOIN lanes
        ON lanes.trace_id = gpu_operations.trace_id AND lanes.process_id = gpu_operations.process_id
        AND lanes.gpu_id IS NOT DISTINCT FROM gpu_operations.gpu_id
    WHERE in_window(start_ns + shift_ns, end_ns + shift_ns, $from, $to)
),
covered AS (
    SELECT
        lane,
        kind = 'kernel' AS is_kernel,
        start_ns,
        end_ns,
        coalesce(busy_until(start_ns, end_ns, 0, lane), start_ns) AS busy_until_ns
    FROM operations
),
worked AS (
    SELECT
        lane,
        min(start_ns) AS first_ns,
        max(end_ns) AS last_ns,
        count_if(is_kernel)::BIGINT AS kernels,
        sum(greatest(0, end_ns - greatest(start_ns, busy_until_ns)))::BIGINT AS gpu_busy_ns
    FROM covered
    GROUP BY lane
),
-- A collective waits until its last rank has come: what is left without that is the work.
begun AS (
    SELECT lane, coalesce(last_start_ns - operations.shift_ns, operations.start_ns) AS start_ns,
           operations.end_ns
    FROM operations
    SEMI JOIN (
        SELECT lane
        FROM lanes
        WHERE (trace_id, process_id, gpu_id) IN (
            SELECT (trace_id, process_id, gpu_id) FROM runs WHERE ranks > 1
        )
    ) AS sharing USING (lane)
    LEFT JOIN runs ON kind = 'kernel' AND operation_id = kernel_id AND ranks > 1
),
working AS (
    SELECT lane, start_ns, end_ns, coalesce(busy_until(start_ns, end_ns, 0, lane), start_ns) AS busy_until_ns
    FROM begun
),
waited AS (
    SELECT
        lane,
        gpu_busy_ns
            - sum(greatest(0, end_ns - greatest(start_ns, busy_until_ns)))::BIGINT AS waiting_ns
    FROM working
    JOIN worked USING (lane)
    GROUP BY lane, gpu_busy_ns
),
shared AS (
    SELECT
        trace_id,
        process_id,
        gpu_id,
        count_if(ranks > 1)::BIGINT AS collectives,
        count_if(ranks = 1)::BIGINT AS alone
    FROM runs
    WHERE in_window(first_start_ns, last_end_ns, $from, $to)
    GROUP BY ALL
),
recorded AS (
    SELECT trace_id, complete, CASE WHEN gpu_work_recorded(missing) THEN 0 END AS none_ran
    FROM traces
)
SELECT
    job,
    job_known_by,
    rank,
    rank_known_by,
    numbered.trace,
    pid,
    host,
    numbered.gpu_id,
    numbered.gpu,
    communicator_ranks,
    clock_known_by,
    CASE WHEN clock_id = job_id THEN first_ns + numbered.shift_ns END AS start_ns,
    last_ns - first_ns AS span_ns,
    coalesce(kernels, none_ran) AS kernels,
    coalesce(gpu_busy_ns, none_ran) AS gpu_busy_ns,
    coalesce(gpu_busy_ns, none_ran) - coalesce(waiting_ns, none_ran) AS work_ns,
    coalesce(waiting_ns, none_ran) AS waiting_ns,
    last_ns - first_ns - gpu_busy_ns AS idle_ns,
    coalesce(collectives, none_ran) AS collectives,
    coalesce(alone, none_ran) AS alone,
    nullif(concat_ws('; ',
        CASE WHEN none_ran IS NULL THEN 'GPU work not recorded'
             WHEN numbered.process_id IS NULL THEN 'no GPU work' END,
        CASE WHEN rank IS NULL THEN 'rank not known' END,
        CASE WHEN rank IS NOT NULL AND count(*) OVER (PARTITION BY job_id, rank) > 1
             THEN 'rank given twice' END,
        CASE WHEN clock_id <> job_id AND clock_known_by IS NULL THEN 'no clock in common'
             WHEN clock_known_by = 'UTC' THEN 'clock by UTC alone' END,
        CASE WHEN NOT complete THEN 'events may be missing' END
    ), '') AS finding
FROM numbered
JOIN recorded USING (trace_id)
LEFT JOIN lanes
    ON lanes.trace_id = numbered.trace_id AND lanes.process_id = numbered.process_id
    AND lanes.gpu_id IS NOT DISTINCT FROM numbered.gpu_id
LEFT JOIN worked ON worked.lane = lanes.lane
LEFT JOIN waited ON waited.lane = lanes.lane
LEFT JOIN shared
    ON shared.trace_id = numbered.trace_id AND shared.process_id = numbered.process_id
    AND shared.gpu_id IS NOT DISTINCT FROM numbered.gpu_id
ORDER BY job, job_id, rank NULLS LAST, numbered.trace, numbered.process_id, numbered.gpu_id
