-- Who had each GPU, and for how long at a time?
--
-- Processes that share a GPU take turns: a time slice is the time from where a context of one is restored
-- until it is saved. Slices whose start or end was not recorded are counted, but not timed. The processes are
-- those of the host: names are known of profiled ones alone.
-- @of     times
-- @unites trace
-- @needs  gpu_context_switches
-- @column trace VARCHAR         name of the trace
-- @column gpu_id INTEGER        GPU of the machine
-- @column owner_pid BIGINT      process, as the host numbers it; NULL where it is not told
-- @column process VARCHAR       its program; NULL unless it was profiled
-- @column contexts BIGINT       contexts of it that had the GPU
-- @column slices BIGINT         time slices
-- @column cut BIGINT            those without a recorded start or end, whose time is not known
-- @column total_ns BIGINT       time of the others
-- @column share_pct DOUBLE      of the time from the first switch of the GPU to the last one
-- @column avg_ns DOUBLE         of one slice
-- @column max_ns BIGINT         longest
-- @column max_wait_ns BIGINT    longest time from the end of a slice to the start of the next one of it
-- @chart  bars x=owner_pid y=total_ns
-- @empty  No time slice begins or ends there.

WITH slices AS (
    SELECT
        gpu_slices.*,
        start_ns - lag(end_ns) OVER (
            PARTITION BY trace_id, gpu_id, owner_id, owner_pid ORDER BY coalesce(start_ns, end_ns), end_ns
        ) AS waited_ns
    FROM gpu_slices
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
spans AS (
    SELECT trace_id, gpu_id, max(time_ns) - min(time_ns) AS span_ns
    FROM gpu_context_switches
    WHERE switch_step IN ('restore start', 'save end')
    GROUP BY trace_id, gpu_id
)
SELECT
    trace,
    slices.gpu_id,
    owner_pid,
    any_value(process) AS process,
    count(DISTINCT hardware_context_id) AS contexts,
    count(*) AS slices,
    count_if(end_ns - start_ns IS NULL)::BIGINT AS cut,
    coalesce(sum(end_ns - start_ns), 0)::BIGINT AS total_ns,
    percent(total_ns, any_value(span_ns)) AS share_pct,
    avg(end_ns - start_ns) AS avg_ns,
    max(end_ns - start_ns) AS max_ns,
    max(waited_ns) AS max_wait_ns
FROM slices
JOIN spans ON spans.trace_id = slices.trace_id AND spans.gpu_id IS NOT DISTINCT FROM slices.gpu_id
LEFT JOIN processes ON processes.trace_id = slices.trace_id AND processes.process_id = owner_id
GROUP BY trace, slices.gpu_id, owner_id, owner_pid
ORDER BY trace, slices.gpu_id, total_ns DESC, owner_pid, owner_id
