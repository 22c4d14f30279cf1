-- How steadily does a kernel come back?
--
-- NVIDIA's counterpart: nsys recipe cuda_gpu_kern_pace. Its executions in order, with the time since the one
-- before ended (the first: since the trace began) and both added up. A long delta is a step that came late.
-- @of     timeline
-- @unites trace
-- @param  kernel VARCHAR            function name, or a pattern of it, for example rms_norm_kernel
-- @param  names VARCHAR(short|full|distinct) = 'short'  names, see the view kernel_names
-- @needs  kernels
-- @column trace VARCHAR             name of the trace
-- @column pid BIGINT                process
-- @column device_id INTEGER         CUDA device ordinal within the process
-- @column kernel VARCHAR            function name
-- @column instance BIGINT           number of the execution, from 1
-- @column start_ns BIGINT           start on the GPU
-- @column end_ns BIGINT             end on the GPU
-- @column duration_ns BIGINT        time on the GPU
-- @column delta_ns BIGINT           from the end of the one before, if known, to this start
-- @column accum_duration_ns BIGINT  durations up to here
-- @column accum_delta_ns BIGINT     known deltas up to here
-- @chart  lines x=instance y=delta_ns color=pid
-- @empty  No kernel of that name: traceql query top-kernels lists them.

WITH paced AS (
    SELECT
        traces.trace,
        process_id,
        pid,
        device_id,
        called AS kernel,
        kernel_id,
        start_ns,
        end_ns,
        kernels.duration_ns,
        start_ns - lag(end_ns, 1, 0) OVER same_kernel AS delta_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    WHERE is_asked AND start_ns IS NOT NULL
    WINDOW same_kernel AS (
        PARTITION BY traces.trace, process_id, device_id, called ORDER BY start_ns, kernel_id
    )
)
SELECT
    trace,
    pid,
    device_id,
    kernel,
    row_number() OVER so_far AS instance,
    start_ns,
    end_ns,
    duration_ns,
    delta_ns,
    (sum(duration_ns) OVER so_far)::BIGINT AS accum_duration_ns,
    (sum(delta_ns) OVER so_far)::BIGINT AS accum_delta_ns
FROM paced
WINDOW so_far AS (
    PARTITION BY trace, process_id, device_id, kernel ORDER BY start_ns, kernel_id ROWS UNBOUNDED PRECEDING
)
ORDER BY trace, pid, process_id, device_id, kernel, instance
