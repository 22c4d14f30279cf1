-- How fast do a job's collectives move their data, as NVIDIA's nccl-tests would say?
--
-- Algorithm bandwidth is the size of the collective by its time, bus bandwidth is that times a factor by
-- which it can be compared with the speed of a GPU's links, whatever the number of ranks: NVIDIA,
-- nccl-tests, doc/PERFORMANCE.md (see collective_size and bus_factor). The time of a collective is from the
-- start of the last rank, when all are there, to the last end; a job's waits are in job-stragglers. Where
-- the size of the communicator was not recorded, its ranks are those that were, and the bandwidth is a lower
-- bound.
-- @of     job
-- @needs  kernels timeline
-- @column job VARCHAR                    name of the job: its tag, or the name of its first trace
-- @column function VARCHAR               NCCL function; of a group, all of them
-- @column communicator VARCHAR           hash of NCCL's communicator
-- @column message_bytes BIGINT           size of the message on one rank
-- @column ranks BIGINT                   ranks in the communicator, or as many as were recorded
-- @column at_least BOOLEAN               whether they are those that were recorded
-- @column collectives BIGINT             how often it ran
-- @column size_bytes BIGINT              size of the collective, of all ranks' parts
-- @column min_ns BIGINT                  shortest time with all ranks in it
-- @column median_ns DOUBLE               median
-- @column max_ns BIGINT                  longest
-- @column algorithm_bytes_per_s DOUBLE   size by the median time
-- @column bus_bytes_per_s DOUBLE         the same by the function's factor; NULL of groups of functions
-- @column max_bus_bytes_per_s DOUBLE     by the shortest time
-- @chart  bars x=function y=bus_bytes_per_s
-- @section job 41 Communication
-- @empty  No collective of known size ran on two ranks: NCCL describes it with nsys profile --trace=nvtx, and
-- @empty  exports hold it with nsys export --include-blobs=true.

WITH numbered AS (
    FROM job_ranks($trace)
),
runs AS (
    FROM job_runs(numbered)
    WHERE ranks > 1 AND message_bytes IS NOT NULL AND in_window(first_start_ns, last_end_ns, $from, $to)
),
told AS (
    SELECT communicator, max(ranks) AS communicator_ranks
    FROM communication_calls
    SEMI JOIN numbered USING (trace_id)
    WHERE ranks IS NOT NULL
    GROUP BY communicator
),
of_jobs AS (
    SELECT DISTINCT clock_id, job_id, job FROM numbered
),
timed AS (
    SELECT
        runs.job_id,
        collective,
        string_agg(DISTINCT function, ', ' ORDER BY function) AS function,
        communicator,
        max(message_bytes) AS message_bytes,
        ranks,
        last_end_ns - last_start_ns AS together_ns
    FROM runs
    GROUP BY runs.job_id, collective, communicator, ranks, last_end_ns, last_start_ns
),
grouped AS (
    SELECT
        of_jobs.job_id,
        job,
        function,
        communicator,
        message_bytes,
        coalesce(communicator_ranks, ranks) AS ranks,
        communicator_ranks IS NULL AS at_least,
        count(*) AS collectives,
        min(together_ns) AS min_ns,
        median(together_ns) AS median_ns,
        max(together_ns) AS max_ns
    FROM timed
    JOIN of_jobs ON of_jobs.clock_id = timed.job_id
    LEFT JOIN told USING (communicator)
    GROUP BY ALL
)
SELECT
    job,
    function,
    communicator,
    message_bytes,
    ranks,
    at_least,
    collectives,
    collective_size(function, message_bytes, ranks) AS size_bytes,
    min_ns,
    median_ns,
    max_ns,
    per_second(size_bytes, median_ns) AS algorithm_bytes_per_s,
    algorithm_bytes_per_s * bus_factor(function, ranks) AS bus_bytes_per_s,
    per_second(size_bytes, min_ns) * bus_factor(function, ranks) AS max_bus_bytes_per_s
FROM grouped
ORDER BY job, job_id, size_bytes * collectives DESC, function, communicator, message_bytes, ranks
