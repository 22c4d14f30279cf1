-- Who comes late to each collective of a job, by how much, and what did it do instead?
--
-- The last rank is compared with the first one by what each began since its collective before. Its delay is
-- made of three parts: kernels and copies that it had to do and the first one had not (more work), those
-- that both had and that took it longer (slower kernels), and the rest: its GPU had nothing to do for
-- longer, or the first one did its work beside the collective before. Of the rest the host is the cause
-- where it launched the collective later, by half of it at least; else the GPU waited for something that was
-- to be done before, such as an event. The longest part is the cause; who is not late has no row. Work of
-- several streams at a time counts for each, as far as it is before the collective.
-- @of     job
-- @param  step VARCHAR = NULL     text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches begin a step: thread or process
-- @param  limit BIGINT = 50       collectives per job, those with the longest delay; NULL for all
-- @needs  kernels timeline
-- @column job VARCHAR             name of the job: its tag, or the name of its first trace
-- @column step BIGINT             0 for the first one of the job's first rank; NULL without steps
-- @column range VARCHAR           its NVTX message; NULL if kernels tell the steps
-- @column kernel VARCHAR          communication kernel of the last rank
-- @column communicator VARCHAR    hash of NCCL's communicator; NULL if not recorded
-- @column ranks BIGINT            ranks that took part, and were recorded
-- @column start_ns BIGINT         start on the first rank, on the clock of the job's first trace
-- @column last_rank BIGINT        the rank that began last
-- @column last_trace VARCHAR      its trace
-- @column first_rank BIGINT       the rank that began first
-- @column late_ns BIGINT          from the first start to the last one: the sum of the three parts
-- @column more_work_ns BIGINT     in kernels and copies that the first one did not have
-- @column slower_ns BIGINT        in those that it had, too
-- @column rest_ns BIGINT          the rest
-- @column launched_late_ns BIGINT  from the first rank's launch to that of the last; NULL if not recorded
-- @column cause VARCHAR           host_late, more_work, slower_kernels, waited or not_recorded
-- @chart  points x=start_ns y=late_ns color=cause
-- @section job 21 Who is late
-- @empty  No collective ran on two ranks at the same time.

WITH numbered AS (
    FROM job_ranks($trace)
),
steps AS (
    FROM gpu_steps($step, $by)
),
matched AS (
    FROM job_runs(numbered)
),
runs AS (
    FROM runs_in_steps(matched, steps)
    WHERE ranks > 1
),
-- By number, as is all that has to be sorted.
names AS (
    SELECT full_name, (row_number() OVER ())::INTEGER AS operation
    FROM (SELECT DISTINCT full_name FROM gpu_operations)
),
sharing AS (
    FROM numbered
    WHERE (trace_id, process_id, gpu_id) IN (SELECT (trace_id, process_id, gpu_id) FROM runs)
),
-- Each operation belongs to the next collective of its rank; those that several ranks recorded are no work.
given AS (
    SELECT
        operations.trace_id,
        operations.process_id,
        operations.gpu_id,
        names.operation,
        operations.start_ns + shift_ns AS start_ns,
        operations.end_ns + shift_ns AS end_ns
    FROM gpu_operations AS operations
    JOIN sharing
        ON sharing.trace_id = operations.trace_id AND sharing.process_id = operations.process_id
        AND sharing.gpu_id IS NOT DISTINCT FROM operations.gpu_id
    LEFT JOIN names ON names.full_name = operations.full_name
    WHERE end_ns IS NOT NULL AND NOT (kind = 'kernel' AND operation_id IN (SELECT kernel_id FROM runs))
),
working AS (
    SELECT
        next.kernel_id,
        coalesce(operation, 0) AS operation,
        least(given.end_ns, next.start_ns) - given.start_ns AS work_ns
    FROM given
    -- Of runs that begin at once, the first.
    ASOF JOIN (
        SELECT trace_id, process_id, gpu_id, start_ns, min(kernel_id) AS kernel_id FROM runs GROUP BY ALL
    ) AS next
        ON next.trace_id = given.trace_id AND next.process_id = given.process_id
        AND next.gpu_id IS NOT DISTINCT FROM given.gpu_id AND given.start_ns < next.start_ns
),
worked AS (
    SELECT kernel_id, operation, count(*) AS instances, sum(work_ns)::BIGINT AS work_ns
    FROM working
    WHERE work_ns > 0
    GROUP BY ALL
),
ends AS (
    SELECT
        collective,
        arg_max(kernel_id, (start_ns, -kernel_id)) AS last_id,
        arg_min(kernel_id, (start_ns, kernel_id)) AS first_id
    FROM runs
    WHERE in_window(first_start_ns, last_end_ns, $from, $to)
    GROUP BY collective
    HAVING last_id <> first_id
),
sides AS (
    SELECT collective, operation, instances, work_ns, 0 AS first_instances, 0 AS first_work_ns
    FROM ends
    JOIN worked ON kernel_id = last_id
    UNION ALL
    SELECT collective, operation, 0, 0, instances, work_ns
    FROM ends
    JOIN worked ON kernel_id = first_id
),
summed AS (
    SELECT
        collective,
        operation,
        sum(instances) AS instances,
        sum(work_ns) AS work_ns,
        sum(first_instances) AS first_instances,
        sum(first_work_ns) AS first_work_ns
    FROM sides
    GROUP BY collective, operation
),
compared AS (
    SELECT
        *,
        -- What the last one had to do, as fast as the first one did it.
        CASE WHEN first_instances > 0 THEN instances * first_work_ns / first_instances
             ELSE work_ns END AS expected_ns
    FROM summed
),
parts AS (
    SELECT
        collective,
        round(sum(expected_ns - first_work_ns))::BIGINT AS more_work_ns,
        (sum(work_ns - first_work_ns) - more_work_ns)::BIGINT AS slower_ns
    FROM compared
    GROUP BY collective
),
told AS (
    SELECT
        runs.*,
        numbered.job,
        numbered.job_id AS of_job_id,
        numbered.rank,
        numbered.trace AS rank_trace,
        api_calls.start_ns + runs.shift_ns AS launch_ns
    FROM runs
    JOIN numbered
        ON numbered.trace_id = runs.trace_id AND numbered.process_id = runs.process_id
        AND numbered.gpu_id IS NOT DISTINCT FROM runs.gpu_id
    LEFT JOIN kernels USING (kernel_id)
    LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
),
late AS (
    SELECT
        last.job,
        last.of_job_id,
        last.step,
        last.range,
        last.kernel,
        last.communicator,
        last.ranks,
        first.start_ns,
        last.rank AS last_rank,
        last.rank_trace AS last_trace,
        first.rank AS first_rank,
        last.start_ns - first.start_ns AS late_ns,
        coalesce(more_work_ns, 0) AS more_work_ns,
        coalesce(slower_ns, 0) AS slower_ns,
        last.start_ns - first.start_ns - coalesce(more_work_ns, 0) - coalesce(slower_ns, 0) AS rest_ns,
        last.launch_ns - first.launch_ns AS launched_late_ns,
        ends.collective
    FROM ends
    JOIN told AS last ON last.kernel_id = last_id
    JOIN told AS first ON first.kernel_id = first_id
    LEFT JOIN parts ON parts.collective = ends.collective
)
SELECT
    job,
    step,
    range,
    kernel,
    communicator,
    ranks,
    start_ns,
    last_rank,
    last_trace,
    first_rank,
    late_ns,
    more_work_ns,
    slower_ns,
    rest_ns,
    launched_late_ns,
    CASE WHEN late_ns = 0 THEN NULL
         WHEN more_work_ns >= greatest(slower_ns, rest_ns) THEN 'more_work'
         WHEN slower_ns >= rest_ns THEN 'slower_kernels'
         WHEN launched_late_ns IS NULL THEN 'not_recorded'
         WHEN 2 * launched_late_ns < rest_ns THEN 'waited'
         ELSE 'host_late' END AS cause
FROM late
QUALIFY within_limit(
    row_number() OVER (PARTITION BY of_job_id ORDER BY late_ns DESC, start_ns, collective), $limit
)
ORDER BY job, of_job_id, late_ns DESC, start_ns, collective
