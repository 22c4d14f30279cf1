-- How much of each communication kernel is hidden behind computation?
--
-- NVIDIA's counterpart: nsys recipe nccl_gpu_overlap_trace, which takes for communication the kernels whose
-- names begin with nccl, and for computation all others of the same process and device. Here custom
-- all-reduces and the like communicate, too (see kernel_patterns), and hide nothing. Time with several
-- compute kernels counts once.
-- @of     timeline
-- @unites trace
-- @param  communication VARCHAR = NULL  name or pattern, ignoring case, of communication kernels
-- @param  names VARCHAR(short|full|distinct) = 'short'  names, see the view kernel_names
-- @needs  kernels timeline
-- @column trace VARCHAR                 name of the trace
-- @column start_ns BIGINT               start on the GPU
-- @column duration_ns BIGINT            time on the GPU
-- @column overlap_ns BIGINT             part of it with a compute kernel at work; NULL without a known end
-- @column exposed_ns BIGINT             part of it without one
-- @column overlap_pct DOUBLE            overlap in percent of the duration
-- @column pid BIGINT                    process
-- @column device_id INTEGER             CUDA device ordinal within the process
-- @column stream_id BIGINT              CUDA stream
-- @column kernel VARCHAR                name of the kernel
-- @column kernel_id BIGINT              the kernel, see kernels
-- @chart  bars x=kernel y=exposed_ns
-- @empty  No communication kernel of that name: one GPU alone has nothing to communicate.

WITH chosen AS (
    SELECT
        kernels.*,
        called,
        is_called_like(kernels.name, demangled, called, $communication) AS is_named,
        category = 'communication' OR is_named AS communicates
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN kernels_categorised AS categorised ON categorised.full_name = coalesce(demangled, kernels.name, '')
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    WHERE start_ns IS NOT NULL
),
computing AS (
    SELECT
        trace_id,
        process_id,
        device_id,
        start_ns,
        end_ns,
        coalesce(busy_until(start_ns, end_ns, kernel_id, (trace_id, process_id, device_id)), start_ns)
            AS busy_until_ns
    FROM chosen
    WHERE NOT communicates
),
-- What each compute kernel adds to the busy time, and how much there was before it.
added AS (
    SELECT
        trace_id,
        process_id,
        device_id,
        greatest(start_ns, busy_until_ns) AS start_ns,
        end_ns,
        sum(end_ns - greatest(start_ns, busy_until_ns)) OVER (
            PARTITION BY trace_id, process_id, device_id ORDER BY greatest(start_ns, busy_until_ns)
        ) AS busy_ns
    FROM computing
    WHERE end_ns > greatest(start_ns, busy_until_ns)
),
communicating AS (
    SELECT
        *,
        unnest([start_ns, end_ns]) AS at_ns,
        unnest([-1, 1]) AS sign
    FROM chosen
    WHERE is_named OR communicates AND $communication IS NULL
),
hidden AS (
    -- Busy time up to the end minus busy time up to the start.
    SELECT
        kernel_id,
        CASE WHEN count(at_ns) = 2
             THEN coalesce(sum(sign * (busy_ns - greatest(added.end_ns - at_ns, 0))), 0) END::BIGINT
            AS overlap_ns
    FROM communicating
    ASOF LEFT JOIN added
        ON added.trace_id = communicating.trace_id AND added.process_id = communicating.process_id
        AND added.device_id IS NOT DISTINCT FROM communicating.device_id
        AND communicating.at_ns >= added.start_ns
    GROUP BY kernel_id
)
SELECT
    trace,
    start_ns,
    chosen.duration_ns,
    overlap_ns,
    chosen.duration_ns - overlap_ns AS exposed_ns,
    percent(overlap_ns, chosen.duration_ns) AS overlap_pct,
    pid,
    device_id,
    stream_id,
    called AS kernel,
    kernel_id
FROM chosen
JOIN hidden USING (kernel_id)
JOIN traces USING (trace_id)
ORDER BY trace, start_ns, kernel_id
