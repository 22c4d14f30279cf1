-- The ranks of every job: each process on each of its GPUs, and how its job and number are known.
--
-- A process that communicates is a rank on the GPUs on which it does; another one on those that run its
-- kernels or graphs. A trace without any is a row without a process. A rank's number is what the tag rank
-- says, of a trace with one rank; else what NCCL told of its largest communicator, or what stands in the
-- trace's name (rank3; or the last number, if the names of the job differ in nothing else), where no two
-- ranks of the job have the same. Where that tells none of a job, they are counted in the order of traces,
-- processes and GPUs. Hosts are numbered by the tag host; else traces are of one host that tell of a GPU in
-- common, or each of one in common with a third.
--
-- Columns: trace_id, trace; job, its name: the tag, or that of its first trace; job_id, its first trace;
-- job_known_by: tag, communicator, ends (see job_clocks) or alone; process_id, pid, gpu_id, device_id; rank;
-- rank_known_by: tag, communicator, name or order; communicator_ranks, of its largest communicator, if told;
-- host; gpu, gpu_hash; clock_id, clock_offset_ns, shift_ns, clock_known_by as in job_clocks (job_id is
-- clock_id here).
-- @param  chosen VARCHAR[]  names of traces; NULL for all

WITH RECURSIVE members AS (
    FROM job_members(chosen)
),
communicating AS (
    FROM kernels_communicating
    SEMI JOIN members USING (trace_id)
),
clocks AS (
    FROM job_clocks('members', 'communicating')
),
united AS (
    SELECT
        members.*,
        clocks.job_id AS clock_id,
        clock_offset_ns,
        shift_ns,
        clock_known_by,
        min(members.trace_id) OVER job AS job_id,
        count(*) OVER job AS traces,
        max(clock_known_by) FILTER (clock_known_by <> 'UTC') OVER job AS united_by,
        regexp_extract(trace, '^(.*?)([0-9]+)([^0-9]*)$', ['before', 'number', 'behind']) AS numbered,
        try_cast(nullif(regexp_extract(lower(trace), 'rank[^0-9a-z]?([0-9]+)', 1), '') AS BIGINT)
            AS named_rank
    FROM members
    JOIN clocks USING (trace_id)
    WINDOW job AS (PARTITION BY job_tag, CASE WHEN job_tag IS NULL THEN clocks.job_id END)
),
named AS (
    SELECT
        *,
        -- Names that differ in their last number alone.
        coalesce(named_rank, CASE
            WHEN traces > 1
                AND min((numbered.before, numbered.behind)) OVER job
                    = max((numbered.before, numbered.behind)) OVER job
            THEN try_cast(numbered.number AS BIGINT) END) AS name_number
    FROM united
    WINDOW job AS (PARTITION BY job_id)
),
places AS (
    SELECT
        trace_id,
        process_id,
        any_value(pid) AS pid,
        gpu_id,
        min(device_id) AS device_id,
        count_if(work = 'communication') AS communicating
    FROM operations_by_work
    WHERE kind IN ('kernel', 'graph') AND trace_id IN (SELECT trace_id FROM united)
    GROUP BY trace_id, process_id, gpu_id
    QUALIFY communicating > 0 OR max(communicating) OVER (PARTITION BY trace_id, process_id) = 0
),
told AS (
    SELECT
        trace_id,
        process_id,
        max(ranks) AS communicator_ranks,
        arg_max(rank, (ranks, -range_id)) AS told_rank
    FROM communication_calls
    WHERE ranks IS NOT NULL AND trace_id IN (SELECT trace_id FROM united)
    GROUP BY trace_id, process_id
),
-- Containers of a machine can have some of its GPUs each: those that have one in common are on one, and so
-- are those that each have one in common with a third.
fitted AS (
    SELECT job_id, trace_id, list(DISTINCT gpu_hash ORDER BY gpu_hash) AS hashes
    FROM gpus
    JOIN united USING (trace_id)
    WHERE gpu_hash IS NOT NULL
    GROUP BY job_id, trace_id
),
holding AS (
    SELECT job_id, hashes, unnest(hashes) AS gpu_hash FROM (SELECT DISTINCT job_id, hashes FROM fitted)
),
reached AS (
    FROM holding
    UNION
    SELECT reached.job_id, reached.hashes, further.gpu_hash
    FROM reached
    JOIN holding AS other USING (job_id, gpu_hash)
    JOIN holding AS further ON further.job_id = other.job_id AND further.hashes = other.hashes
),
hosts AS (
    SELECT trace_id, min(gpu_hash) AS host_hash
    FROM fitted
    JOIN reached USING (job_id, hashes)
    GROUP BY trace_id
),
placed AS (
    SELECT
        named.*,
        places.* EXCLUDE (trace_id, communicating),
        communicator_ranks,
        coalesce(tags['host'], host_hash) AS host_key,
        count(*) OVER (PARTITION BY named.trace_id) = 1 AS is_only_one,
        CASE WHEN count(*) OVER (PARTITION BY named.trace_id, places.process_id) = 1 THEN told_rank END
            AS told_number
    FROM named
    LEFT JOIN places USING (trace_id)
    LEFT JOIN told ON told.trace_id = named.trace_id AND told.process_id = places.process_id
    LEFT JOIN hosts ON hosts.trace_id = named.trace_id
),
counted AS (
    SELECT
        *,
        CASE WHEN is_only_one THEN try_cast(tags['rank'] AS BIGINT) END AS tag_number,
        count(*) OVER (PARTITION BY job_id, told_number) = 1 AS is_told_once,
        is_only_one AND count(*) OVER (PARTITION BY job_id, name_number) = 1 AS is_named_once,
        row_number() OVER (PARTITION BY job_id ORDER BY trace_id, process_id, gpu_id) - 1 AS place
    FROM placed
),
told_apart AS (
    SELECT
        *,
        CASE WHEN tag_number IS NOT NULL THEN 'tag'
             WHEN told_number IS NOT NULL AND is_told_once THEN 'communicator'
             WHEN name_number IS NOT NULL AND is_named_once THEN 'name' END AS known_by
    FROM counted
)
SELECT
    trace_id,
    trace,
    job_id,
    coalesce(job_tag, first_value(trace) OVER (PARTITION BY job_id ORDER BY trace_id)) AS job,
    CASE WHEN job_tag IS NOT NULL THEN 'tag'
         WHEN traces > 1 THEN united_by
         ELSE 'alone' END AS job_known_by,
    process_id,
    pid,
    told_apart.gpu_id,
    told_apart.device_id,
    CASE known_by WHEN 'tag' THEN tag_number
                  WHEN 'communicator' THEN told_number
                  WHEN 'name' THEN name_number
                  ELSE CASE WHEN count(known_by) OVER (PARTITION BY job_id) = 0 THEN place END END AS rank,
    CASE WHEN count(known_by) OVER (PARTITION BY job_id) = 0 THEN 'order' ELSE known_by END AS rank_known_by,
    communicator_ranks,
    CASE WHEN host_key IS NOT NULL
         THEN dense_rank() OVER (PARTITION BY job_id ORDER BY host_key NULLS LAST) - 1 END AS host,
    gpu_name AS gpu,
    gpu_hash,
    clock_id,
    clock_offset_ns,
    shift_ns,
    clock_known_by
FROM told_apart
LEFT JOIN gpus USING (trace_id, gpu_id)
