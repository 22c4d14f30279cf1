-- What did the CPU do while a GPU was idle?
--
-- Of one gap between operations of a GPU (gap 1 is the longest, as gpu-gaps lists them), everything that the
-- process whose work ends it did meanwhile, on every thread: API calls and calls of the operating system
-- that overlap it, time on and off the CPU, and samples of CPUs and of Python by the function that ran.
-- Threads that had ended are left out, and so is what has no known end.
-- @of     times
-- @unites trace
-- @param  gap BIGINT = 1          which gap, by length: 1 is the longest of its trace
-- @param  limit BIGINT = 20       rows for each kind of what was done; NULL for all
-- @needs  kernels timeline
-- @column trace VARCHAR           name of the trace
-- @column gap_start_ns BIGINT     when the gap began
-- @column gap_ns BIGINT           its length
-- @column next_operation VARCHAR  what ended it
-- @column kind VARCHAR            API calls, OS calls, scheduling, CPU samples or Python samples
-- @column pid BIGINT              process
-- @column tid BIGINT              thread
-- @column thread VARCHAR          its name
-- @column what VARCHAR            function; or on the CPU, or off it
-- @column events BIGINT           calls, stretches or samples in the gap
-- @column overlap_ns BIGINT       their time in the gap; NULL of samples
-- @column share_pct DOUBLE        of the gap; of samples, of those of the kind
-- @empty  There is no such gap, or nothing of its process was recorded meanwhile: nsys profile
--         --trace=cuda,osrt --sample=process-tree --cpuctxsw=process-tree.

WITH gaps AS (
    SELECT trace_id, trace, gpu_id, pid, kind, operation_id, busy_until_ns AS start_ns, start_ns AS end_ns,
           start_ns - busy_until_ns AS duration_ns
    FROM operations_in_order
    WHERE start_ns > busy_until_ns AND trace_id IN (SELECT trace_id FROM chosen_traces($trace))
),
-- Those that are shorter than so many need not be sorted.
ends AS (
    SELECT trace_id, longest_listed(duration_ns, $gap) AS least_ns FROM gaps GROUP BY trace_id
),
numbered AS MATERIALIZED (
    SELECT gaps.*
    FROM gaps
    JOIN ends USING (trace_id)
    WHERE duration_ns >= least_ns IS NOT false
    QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY duration_ns DESC, start_ns, gpu_id, pid) = $gap
),
named AS (
    FROM with_next_operation('numbered', 'distinct')
),
chosen AS (
    -- Two containers may have one pid.
    SELECT
        named.trace_id,
        named.trace,
        named.start_ns AS gap_start_ns,
        named.end_ns AS gap_end_ns,
        named.duration_ns AS gap_ns,
        any_value(next_operation) AS next_operation,
        arg_min(
            process_id,
            (coalesce(operations.end_ns, operations.start_ns), operations.kind, operations.operation_id)
        ) AS process_id
    FROM named
    JOIN gpu_operations AS operations ON operations.trace_id = named.trace_id
        AND operations.gpu_id IS NOT DISTINCT FROM named.gpu_id AND operations.start_ns = named.end_ns
    GROUP BY ALL
),
stretches AS (
    SELECT trace_id, 'API calls' AS kind, process_id, pid, tid, name AS what, start_ns, end_ns FROM api_calls
    UNION ALL
    SELECT trace_id, 'OS calls', process_id, pid, tid, name, start_ns, end_ns FROM os_calls
    UNION ALL
    SELECT trace_id, 'scheduling', process_id, pid, tid,
           CASE WHEN is_on_cpu THEN 'on the CPU' ELSE 'off the CPU' END, start_ns,
           coalesce(end_ns, CASE WHEN is_last THEN 9223372036854775807 END)
    FROM (
        -- How the last event of a thread left it, it stays. After another one nobody knows until when.
        SELECT
            *,
            thread_state IS DISTINCT FROM 'Terminated' AND lead(start_ns) OVER (
                PARTITION BY trace_id, process_id, tid ORDER BY start_ns, end_ns NULLS LAST, is_on_cpu
            ) IS NULL AS is_last
        FROM thread_states
        SEMI JOIN chosen USING (trace_id, process_id)
    )
),
innermost AS (
    SELECT
        trace_id,
        stack_id,
        frame_called(frame_function, frame_module, frame_file, is_kernel_mode) AS what
    FROM call_stacks
    WHERE frame_depth = 0
),
looks AS (
    SELECT trace_id, 'CPU samples' AS kind, process_id, pid, tid, stack_id, time_ns FROM cpu_samples
    UNION ALL
    SELECT trace_id, 'Python samples', process_id, pid, tid, stack_id, time_ns FROM python_samples
),
during AS (
    SELECT
        chosen.trace_id, kind, stretches.process_id, stretches.pid, tid, what,
        least(stretches.end_ns, gap_end_ns) - greatest(stretches.start_ns, gap_start_ns) AS overlap_ns
    FROM chosen
    JOIN stretches ON stretches.trace_id = chosen.trace_id AND stretches.process_id = chosen.process_id
        AND stretches.start_ns < gap_end_ns AND stretches.end_ns > gap_start_ns
    UNION ALL
    SELECT chosen.trace_id, kind, looks.process_id, looks.pid, tid, coalesce(what, '[no stack]'), NULL
    FROM chosen
    JOIN looks ON looks.trace_id = chosen.trace_id AND looks.process_id = chosen.process_id
        AND time_ns >= gap_start_ns AND time_ns < gap_end_ns
    LEFT JOIN innermost ON innermost.trace_id = looks.trace_id AND innermost.stack_id = looks.stack_id
),
summed AS (
    SELECT
        trace_id, kind, process_id, pid, tid, what,
        count(*) AS events,
        sum(overlap_ns)::BIGINT AS overlap_ns,
        sum(count(*)) OVER (PARTITION BY trace_id, kind) AS of_kind
    FROM during
    GROUP BY trace_id, kind, process_id, pid, tid, what
)
SELECT
    chosen.trace,
    gap_start_ns,
    gap_ns,
    next_operation,
    kind,
    summed.pid,
    summed.tid,
    thread,
    what,
    events,
    overlap_ns,
    CASE WHEN overlap_ns IS NULL THEN percent(events, of_kind) ELSE percent(overlap_ns, gap_ns) END
        AS share_pct
FROM summed
JOIN chosen USING (trace_id, process_id)
LEFT JOIN threads USING (trace_id, process_id, tid)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY chosen.trace, kind
        ORDER BY overlap_ns DESC NULLS LAST, events DESC, summed.tid, what, process_id
    ),
    $limit
)
ORDER BY chosen.trace, kind, overlap_ns DESC NULLS LAST, events DESC, summed.tid, what, process_id
