-- Which collectives took longest, who was waited for, and how fast did the data move?
--
-- A collective is the runs of one communication kernel on several GPUs that belong together: of one
-- communicator, or where none was recorded of one name, and at the same time. The first one of a job often
-- waits for ranks that still start up. Of traces of one job (a report per rank) times are on the clock of
-- the first one, to which the others are set by the ends of collectives.
-- @of     timeline
-- @param  communication VARCHAR = NULL  name or pattern, ignoring case, of communication kernels
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  limit BIGINT = 50             collectives per job, those with the longest wait; NULL for all
-- @needs  kernels timeline
-- @column trace VARCHAR                 name of the job's first trace
-- @column kernel VARCHAR                communication kernel
-- @column function VARCHAR              functions of NCCL that launched it; NULL if not recorded
-- @column communicator VARCHAR          hash of NCCL's communicator; NULL if not recorded
-- @column message_bytes BIGINT          size of the message on one rank; NULL if not recorded
-- @column reduction VARCHAR             Sum, Max …; NULL without one
-- @column ranks BIGINT                  GPUs that took part, and were recorded
-- @column traces BIGINT                 traces that hold them
-- @column start_ns BIGINT               start on the first GPU
-- @column duration_ns BIGINT            from there to the last end
-- @column wait_ns BIGINT                from the first start to the last one
-- @column together_ns BIGINT            from the last start to the last end: all ranks are in it
-- @column bytes_per_s DOUBLE            message size in this time
-- @column last_trace VARCHAR            trace of the rank that began last
-- @column last_pid BIGINT               process of that rank
-- @column last_device_id INTEGER        its CUDA device ordinal
-- @column max_clock_offset_ns BIGINT    by how much a clock was ahead of the first trace's, at most
-- @chart  points x=start_ns y=wait_ns color=kernel
-- @empty  No collective of that name ran on two GPUs at the same time.

WITH members AS (
    FROM job_members($trace)
),
communicating AS (
    FROM communication_called($trace, $names, $communication)
),
clocks AS (
    FROM job_clocks(members, communicating)
),
runs AS (
    FROM collective_runs(communicating, clocks)
    WHERE ranks > 1
),
summed AS (
    SELECT
        job_id,
        string_agg(DISTINCT called, ', ' ORDER BY called) AS kernel,
        string_agg(DISTINCT function, ', ' ORDER BY function) AS function,
        communicator,
        max(message_bytes) AS message_bytes,
        any_value(reduction) AS reduction,
        ranks,
        count(DISTINCT trace_id) AS traces,
        first_start_ns AS start_ns,
        last_end_ns - first_start_ns AS duration_ns,
        last_start_ns - first_start_ns AS wait_ns,
        last_end_ns - last_start_ns AS together_ns,
        arg_max((trace_id, pid, device_id), (start_ns, -kernel_id)) AS last,
        arg_max(clock_offset_ns, (abs(clock_offset_ns), clock_offset_ns)) AS max_clock_offset_ns,
        collective
    FROM runs
    GROUP BY job_id, kernel, communicator, collective, ranks, first_start_ns, last_start_ns, last_end_ns
)
SELECT
    firsts.trace,
    kernel,
    function,
    communicator,
    message_bytes,
    reduction,
    ranks,
    traces,
    start_ns,
    duration_ns,
    wait_ns,
    together_ns,
    per_second(message_bytes, together_ns) AS bytes_per_s,
    lasts.trace AS last_trace,
    last[2] AS last_pid,
    last[3] AS last_device_id,
    max_clock_offset_ns
FROM summed
JOIN traces AS firsts ON firsts.trace_id = job_id
JOIN traces AS lasts ON lasts.trace_id = last[1]
QUALIFY within_limit(
    row_number() OVER (PARTITION BY job_id ORDER BY wait_ns DESC, start_ns, collective), $limit
)
ORDER BY trace, wait_ns DESC, start_ns, collective
