-- Which rank comes late to the collectives and makes the others wait?
--
-- NVIDIA's counterpart: nsys recipe nccl_straggler, of versions after 2025.3. A collective is the n-th run of
-- one communication kernel on every GPU; a rank is a process and a device. Its kernel cannot finish before
-- that of the last rank has begun, so whoever begins earlier waits. Ranks are compared within a trace, whose
-- clocks are one; runs that not every rank has are left out.
-- @of     timeline
-- @param  communication VARCHAR = 'nccl%'  name or pattern, ignoring case, of communication kernels
-- @needs  kernels
-- @column trace VARCHAR                    name of the trace
-- @column kernel VARCHAR                   communication kernel
-- @column pid BIGINT                       process
-- @column device_id INTEGER                CUDA device ordinal within the process
-- @column collectives BIGINT               runs that all ranks have
-- @column times_last BIGINT                how often this rank was the last one to begin
-- @column late_ns BIGINT                   its starts after those of the first rank, in all
-- @column max_late_ns BIGINT               the most it was late
-- @column waited_ns BIGINT                 its starts before those of the last rank, in all
-- @column waited_pct DOUBLE                of the time of its kernels
-- @chart  bars x=kernel y=waited_ns
-- @empty  No collective of that name ran on two GPUs of one trace.

WITH runs AS (
    SELECT
        trace,
        kernels.name AS kernel,
        pid,
        device_id,
        start_ns,
        kernels.duration_ns,
        row_number() OVER (
            PARTITION BY trace_id, kernels.name, pid, device_id ORDER BY start_ns, kernel_id
        ) AS instance
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like_in_any_case(kernels.name, $communication)
        AND start_ns IS NOT NULL
),
ranks AS (
    SELECT trace, kernel, count(DISTINCT (pid, device_id)) AS ranks FROM runs GROUP BY ALL
),
compared AS (
    SELECT
        runs.*,
        ranks,
        count(*) OVER collective AS present,
        min(start_ns) OVER collective AS first_ns,
        max(start_ns) OVER collective AS last_ns
    FROM runs
    JOIN ranks USING (trace, kernel)
    WINDOW collective AS (PARTITION BY trace, kernel, instance)
)
SELECT
    trace,
    kernel,
    pid,
    device_id,
    count(*) AS collectives,
    count_if(start_ns = last_ns)::BIGINT AS times_last,
    sum(start_ns - first_ns)::BIGINT AS late_ns,
    max(start_ns - first_ns) AS max_late_ns,
    sum(last_ns - start_ns)::BIGINT AS waited_ns,
    percent(sum(last_ns - start_ns), sum(duration_ns)) AS waited_pct
FROM compared
WHERE present = ranks AND ranks > 1
GROUP BY trace, kernel, pid, device_id
ORDER BY trace, kernel, late_ns DESC, pid, device_id
