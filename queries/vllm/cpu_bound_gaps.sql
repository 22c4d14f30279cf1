-- When does the GPU wait for the CPU to launch something?
--
-- Gaps between operations, cut at the start and the end of the call that launched the next one:
-- before_call_ns passed before the CPU even made the call (it was busy elsewhere: Python, scheduling,
-- tokenising), in_call_ns inside the call, queued_ns after it (waiting for other work, or the launch's own
-- delay). Listed when the first two make up enough of the gap. Advice: CUDA graphs, asynchronous scheduling,
-- fewer and larger kernels.
-- @of     timeline
-- @unites trace
-- @param  min_gap_ns BIGINT = 0      shortest gap listed
-- @param  min_cpu_pct DOUBLE = 50    smallest share of the gap that the CPU must have caused
-- @param  names VARCHAR = 'distinct'  short, full or distinct names, see the view kernel_names
-- @param  limit BIGINT = 50          gaps per trace, longest first; NULL for all
-- @needs  kernels api_calls
-- @column trace VARCHAR              name of the trace
-- @column duration_ns BIGINT         length of the gap
-- @column start_ns BIGINT            end of the operation before it
-- @column before_call_ns BIGINT      passed before the launching call began
-- @column in_call_ns BIGINT          passed inside the launching call
-- @column queued_ns BIGINT           passed after the launching call
-- @column cpu_pct DOUBLE             before and inside the call, in percent of the gap
-- @column pid BIGINT                 process
-- @column device_id INTEGER          CUDA device ordinal within the process
-- @column tid BIGINT                 thread of the launching call
-- @column function VARCHAR           launching function
-- @column next_operation VARCHAR     what ran after the gap
-- @chart  gaps x=start_ns y=duration_ns
-- @section timeline 51 Gaps and launch overhead
-- @empty  No gap is that long and caused by the CPU: the GPU is kept busy, or --min-gap-ns is too large.

WITH ordered AS (
    SELECT
        trace_id,
        gpu_id,
        pid,
        device_id,
        operation,
        full_name,
        api_call_id,
        start_ns AS gap_end_ns,
        busy_until(start_ns, end_ns, (gpu_operations.kind, operation_id), (trace_id, gpu_id))
            AS gap_start_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
gaps AS (
    SELECT
        ordered.trace_id,
        gpu_id,
        ordered.pid,
        device_id,
        operation,
        full_name,
        gap_start_ns,
        gap_end_ns - gap_start_ns AS duration_ns,
        api_calls.tid,
        api_calls.name AS function,
        greatest(least(api_calls.start_ns, gap_end_ns) - gap_start_ns, 0) AS before_call_ns,
        greatest(gap_end_ns - greatest(api_calls.end_ns, gap_start_ns), 0) AS queued_ns
    FROM ordered
    JOIN api_calls USING (api_call_id)
    WHERE gap_end_ns - gap_start_ns >= greatest($min_gap_ns, 1)
),
explained AS (
    SELECT
        traces.trace,
        gpu_id,
        gaps.duration_ns,
        gap_start_ns AS start_ns,
        before_call_ns,
        gaps.duration_ns - before_call_ns - queued_ns AS in_call_ns,
        queued_ns,
        100.0 * (gaps.duration_ns - queued_ns) / gaps.duration_ns AS cpu_pct,
        pid,
        device_id,
        tid,
        function,
        operation,
        full_name
    FROM gaps
    JOIN traces USING (trace_id)
),
-- Those that are listed are named: few.
listed AS (
    FROM explained
    WHERE cpu_pct >= $min_cpu_pct
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY duration_ns DESC, start_ns, pid, device_id, gpu_id),
        $limit
    )
)
SELECT
    listed.* EXCLUDE (gpu_id, operation, full_name),
    coalesce(called, operation) AS next_operation
FROM listed
LEFT JOIN kernels_called($names, '*') AS named
    ON named.name = operation AND named.full_name = listed.full_name
ORDER BY trace, duration_ns DESC, start_ns, pid, device_id, gpu_id
