-- How evenly is the work spread over the ranks of a job, in total and by kernel?
--
-- Imbalance is how much more the rank with most has than the mean of all: of what all wait for in each step,
-- it is what an even spread would save. Ranks that have none of a kernel count with 0, unless whole CUDA
-- graphs hide kernels. The memory that a rank had in use on its GPU at its peak is there where allocations
-- were recorded (--cuda-memory-usage=true), of the whole recording.
-- @of     job
-- @param  topic VARCHAR = '*'         one or a pattern: rank (totals), kernel, copy
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  kernels timeline
-- @column job VARCHAR                 name of the job: its tag, or the name of its first trace
-- @column topic VARCHAR               rank (totals), kernel or copy
-- @column name VARCHAR                of the kernel or kind of copy; NULL for totals
-- @column measure VARCHAR             what is compared, with its unit
-- @column ranks BIGINT                ranks of the job that were recorded
-- @column least_rank BIGINT           the rank that has least; NULL if its number is not known
-- @column least DOUBLE                what it has
-- @column avg DOUBLE                  mean of all ranks
-- @column most DOUBLE                 what the rank with most has
-- @column most_rank BIGINT            that rank; NULL if its number is not known
-- @column imbalance_pct DOUBLE        the most beyond the mean, in percent of the mean
-- @chart  share_bars x=name y=imbalance_pct part=measure group=topic
-- @section job 50 Balance
-- @empty  No job has two ranks: see job-summary.

WITH numbered AS (
    FROM job_ranks($trace)
    WHERE process_id IS NOT NULL
),
named AS (
    FROM kernels_called($names, '*')
),
worked AS (
    SELECT
        job_id,
        numbered.trace_id,
        numbered.process_id,
        numbered.gpu_id,
        operations.kind,
        work,
        CASE WHEN kind = 'kernel' THEN called ELSE operation END AS name,
        count(*) AS instances,
        sum(duration_ns)::BIGINT AS total_ns,
        sum(bytes)::BIGINT AS total_bytes
    FROM gpu_operations AS operations
    JOIN (SELECT trace_id, kind, operation_id, work FROM operations_by_work) AS works
        USING (trace_id, kind, operation_id)
    JOIN numbered
        ON numbered.trace_id = operations.trace_id AND numbered.process_id = operations.process_id
        AND numbered.gpu_id IS NOT DISTINCT FROM operations.gpu_id
    LEFT JOIN named
        ON operations.kind = 'kernel' AND named.name = operation AND named.full_name = operations.full_name
    WHERE in_window(operations.start_ns + shift_ns, operations.end_ns + shift_ns, $from, $to)
    GROUP BY ALL
),
measured AS (
    SELECT
        job_id, trace_id, process_id, gpu_id, 'rank' AS topic, NULL::VARCHAR AS name,
        unnest([
            {'measure': 'kernels', 'amount': coalesce(sum(instances) FILTER (kind = 'kernel'), 0)},
            {'measure': 'compute_ns', 'amount': coalesce(sum(total_ns) FILTER (work = 'compute'), 0)},
            {
                'measure': 'communication_ns',
                'amount': coalesce(sum(total_ns) FILTER (work = 'communication'), 0)
            },
            {'measure': 'memory_ops', 'amount': coalesce(sum(instances) FILTER (work = 'memory'), 0)},
            {'measure': 'memory_ns', 'amount': coalesce(sum(total_ns) FILTER (work = 'memory'), 0)},
            {'measure': 'memory_bytes', 'amount': coalesce(sum(total_bytes), 0)}
        ], recursive := true)
    FROM worked
    GROUP BY job_id, trace_id, process_id, gpu_id
    UNION ALL
    SELECT
        job_id, trace_id, process_id, gpu_id, CASE kind WHEN 'kernel' THEN 'kernel' ELSE 'copy' END, name,
        unnest([
            {'measure': 'instances', 'amount': instances},
            {'measure': 'total_ns', 'amount': total_ns},
            {'measure': 'total_bytes', 'amount': total_bytes}
        ], recursive := true)
    FROM worked
    WHERE kind <> 'graph'
    UNION ALL
    SELECT job_id, numbered.trace_id, numbered.process_id, numbered.gpu_id, 'rank', NULL,
           'gpu_memory_peak_bytes', greatest(max(in_use_bytes), any_value(before_bytes))
    FROM memory_in_use
    JOIN numbered
        ON numbered.trace_id = memory_in_use.trace_id AND numbered.process_id = memory_in_use.process_id
        AND numbered.gpu_id IS NOT DISTINCT FROM memory_in_use.gpu_id
    WHERE memory_kind = 'GPU memory'
    GROUP BY job_id, numbered.trace_id, numbered.process_id, numbered.gpu_id
),
things AS (
    SELECT DISTINCT job_id, topic, name, measure
    FROM measured
    WHERE amount IS NOT NULL AND is_like(topic, $topic)
),
hiding AS (
    SELECT DISTINCT job_id FROM worked WHERE kind = 'graph'
),
filled AS (
    SELECT
        numbered.job_id,
        job,
        things.topic,
        things.name,
        things.measure,
        rank,
        CASE WHEN things.topic = 'kernel' AND numbered.job_id IN (FROM hiding)
             OR things.measure = 'gpu_memory_peak_bytes' THEN amount
             ELSE coalesce(amount, 0) END AS amount,
        numbered.trace_id,
        numbered.process_id,
        numbered.gpu_id
    FROM numbered
    JOIN things USING (job_id)
    LEFT JOIN measured
        ON measured.trace_id = numbered.trace_id AND measured.process_id = numbered.process_id
        AND measured.gpu_id IS NOT DISTINCT FROM numbered.gpu_id AND measured.topic = things.topic
        AND measured.name IS NOT DISTINCT FROM things.name AND measured.measure = things.measure
)
SELECT
    job,
    topic,
    name,
    measure,
    count(*) AS ranks,
    arg_min_null(rank, (amount, trace_id, process_id, gpu_id)) FILTER (amount IS NOT NULL) AS least_rank,
    min(amount)::DOUBLE AS least,
    avg(amount) AS avg,
    max(amount)::DOUBLE AS most,
    arg_max_null(rank, (amount, -trace_id, -process_id, -gpu_lane(trace_id, gpu_id)))
        FILTER (amount IS NOT NULL) AS most_rank,
    percent(max(amount) - avg(amount), avg(amount)) AS imbalance_pct
FROM filled
GROUP BY job_id, job, topic, name, measure
HAVING count(*) > 1
ORDER BY
    job,
    job_id,
    list_position(['rank', 'kernel', 'copy'], topic),
    max(max(amount) - avg(amount)) FILTER (measure = 'total_ns') OVER (PARTITION BY job_id, topic, name)
        DESC NULLS LAST,
    name,
    measure
