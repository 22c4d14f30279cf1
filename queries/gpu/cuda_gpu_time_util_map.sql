-- When do kernels run on each GPU?
--
-- NVIDIA's counterpart: nsys recipe cuda_gpu_time_util_map, which looks at each process by itself, as --by
-- process does. The recording, or what is looked at of it, cut into equal bins of whole nanoseconds (rounded
-- up: the last one may reach beyond its end), and the share of each in which at least one kernel runs.
-- Kernels inside CUDA graphs that were traced as a whole count as long as the graph runs, if asked for.
-- @of     timeline
-- @unites trace
-- @param  bins BIGINT = 30       bins per trace; the default is NVIDIA's
-- @param  graphs BOOLEAN = true  whole CUDA graphs are kernel time; NVIDIA's recipe takes them for idle time
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: the kernels of each of them
-- @needs  kernels timeline
-- @column trace VARCHAR          name of the trace
-- @column pid BIGINT             process; NULL where several share the GPU
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column bin BIGINT             number of the bin, from 0
-- @column start_ns BIGINT        start of the bin
-- @column busy_pct DOUBLE        share of the bin in which a kernel runs
-- @chart  heatmap x=start_ns y=gpu_id color=busy_pct
-- @section timeline 21 Utilisation | chart

WITH operations AS (
    SELECT
        trace_id,
        gpu_id,
        lane_owner($by, process_id) AS owner,
        process_id,
        pid,
        device_id,
        start_ns,
        end_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE (gpu_operations.kind = 'kernel' OR ($graphs AND gpu_operations.kind = 'graph'))
),
widths AS (
    SELECT
        trace_id,
        coalesce(any_value(since_ns), min(start_ns)) AS first_ns,
        -- A report without a recorded length ends with its last operation.
        greatest((coalesce(any_value(until_ns), max(end_ns)) - first_ns + $bins - 1) // $bins, 1) AS bin_ns
    FROM operations
    JOIN looked_at USING (trace_id)
    GROUP BY trace_id
),
-- What each adds to those before it, so that time with two kernels counts once.
busy AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        greatest(
            start_ns,
            coalesce(busy_until(start_ns, end_ns, 0, hash(trace_id, gpu_id, owner)), start_ns)
        ) AS begins_ns,
        end_ns
    FROM operations
),
pieces AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        bin_ns,
        begins_ns - first_ns AS from_ns,
        end_ns - first_ns AS to_ns,
        unnest(range(greatest(from_ns, 0) // bin_ns, least((to_ns - 1) // bin_ns + 1, $bins))) AS bin
    FROM busy
    JOIN widths USING (trace_id)
    WHERE end_ns > begins_ns
),
used AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        bin,
        sum(greatest(0, least(to_ns, (bin + 1) * bin_ns) - greatest(from_ns, bin * bin_ns))) AS used_ns
    FROM pieces
    GROUP BY ALL
),
users AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        of_one(pid, process_id) AS pid,
        of_one(device_id, device_id) AS device_id
    FROM operations
    GROUP BY trace_id, gpu_id, owner
),
map AS (
    SELECT trace_id, gpu_id, owner, pid, device_id, first_ns, bin_ns, unnest(range($bins)) AS bin
    FROM users
    JOIN widths USING (trace_id)
)
SELECT
    traces.trace,
    pid,
    map.gpu_id,
    device_id,
    map.bin,
    first_ns + map.bin * map.bin_ns AS start_ns,
    percent(coalesce(used_ns, 0), map.bin_ns) AS busy_pct
FROM map
JOIN traces USING (trace_id)
LEFT JOIN used
    ON used.trace_id = map.trace_id AND used.gpu_id IS NOT DISTINCT FROM map.gpu_id
    AND used.owner = map.owner AND used.bin = map.bin
ORDER BY trace, map.gpu_id, map.owner, map.bin
