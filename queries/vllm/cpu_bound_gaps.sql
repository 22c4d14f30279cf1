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
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
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

WITH explained AS (
    SELECT
        trace,
        gpu_id,
        duration_ns,
        start_ns,
        before_call_ns,
        duration_ns - before_call_ns - queued_ns AS in_call_ns,
        queued_ns,
        100.0 * (duration_ns - queued_ns) / duration_ns AS cpu_pct,
        pid,
        device_id,
        tid,
        function,
        kind,
        operation_id
    FROM gaps_before_launches($trace)
    WHERE duration_ns >= $min_gap_ns AND cpu_pct >= $min_cpu_pct
),
-- Those that cannot be listed are not sorted, and those that are listed are named: few.
ends AS (
    SELECT trace, longest_listed(duration_ns, $limit) AS least_ns FROM explained GROUP BY trace
),
listed AS (
    SELECT explained.*
    FROM explained
    JOIN ends USING (trace)
    WHERE duration_ns >= least_ns IS NOT false
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY duration_ns DESC, start_ns, pid, device_id, gpu_id),
        $limit
    )
)
SELECT * EXCLUDE (gpu_id, kind, operation_id)
FROM with_next_operation('listed', $names)
ORDER BY trace, duration_ns DESC, start_ns, pid, device_id, gpu_id
