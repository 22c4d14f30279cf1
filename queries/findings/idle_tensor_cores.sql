-- Which profiled products of matrices leave the tensor cores idle?
--
-- Products and convolutions by their kernels' names, on a GPU that has tensor cores, whose pipes work for
-- less than tensor_pct of the cycles, while those of fp32 arithmetic work for fma_pct or more. Its place is
-- the longest launch.
-- saving_ns: the part of their time that the tensor cores' peak in half precision leaves over, an upper
-- bound: both may wait for memory, and precision is lost.
-- @of     traces
-- @unites trace
-- @param  tensor_pct DOUBLE = 1  share of the cycles below which tensor cores are idle
-- @param  fma_pct DOUBLE = 20    share of the cycles from which on the CUDA cores multiply
-- @param  least_pct DOUBLE = 1   share of the time from which on it is told
-- @asks   busy pipes limit=NULL
-- @says   idle_tensor_cores {kernel} multiplies on the CUDA cores, which are busy for {cuda_pct}, the tensor
--         cores for {tensor_pct} of its {gpu_ns}. These could multiply {times_faster} times as fast.
-- @try    idle_tensor_cores Multiply in TF32 (torch.set_float32_matmul_precision("high"), from Ampere on), or
--         in bfloat16 or float16 (torch.autocast), where the result allows it.
-- @unknown unmeasured In {trace} the pipes of {products|product|products} were not measured: recorded by ncu
--         --section ComputeWorkloadAnalysis.
-- @where  idle_tensor_cores launch {launch} of {launches}
-- @proof  idle_tensor_cores pipes kernel={kernel} limit=NULL

WITH profiled AS (
    SELECT
        traces.trace,
        kernel_id,
        called AS group_name,
        category IN ('gemm', 'conv') AS is_meant,
        kernels.duration_ns,
        tensor_flop_per_s / cuda_flop_per_s AS times_faster
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN kernels_called('distinct', '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    JOIN kernels_categorised ON kernels_categorised.full_name = named.full_name
    LEFT JOIN tensor_peaks
        ON tensor_peaks.trace_id = kernels.trace_id AND tensor_peaks.gpu_id = kernels.gpu_id
),
groups AS (
    SELECT
        trace,
        group_name,
        bool_and(is_meant) AS is_meant,
        sum(duration_ns)::BIGINT AS gpu_ns,
        sum(duration_ns * (1 - 1 / times_faster))::BIGINT AS saving_ns,
        max(times_faster) AS times_faster,
        arg_max(kernel_id, (duration_ns, -kernel_id)) AS kernel_id
    FROM profiled
    GROUP BY trace, group_name
),
whole AS (
    SELECT trace, sum(gpu_ns) AS whole_ns FROM groups GROUP BY trace
),
worked AS (
    SELECT
        trace,
        group_name,
        max(greatest(busy_pct, active_busy_pct, instructions_pct, active_instructions_pct))
            FILTER (starts_with(pipe, 'tensor')) AS tensor_pct,
        max(greatest(busy_pct, active_busy_pct, instructions_pct, active_instructions_pct))
            FILTER (starts_with(pipe, 'fma')) AS cuda_pct
    FROM busy
    GROUP BY trace, group_name
),
found AS (
    SELECT
        *,
        -- Of tensor cores that are busy nobody need know what the CUDA cores do.
        tensor_pct IS NULL OR tensor_pct < $tensor_pct AND cuda_pct IS NULL AS is_unknown
    FROM groups
    LEFT JOIN worked USING (trace, group_name)
    JOIN whole USING (trace)
    WHERE is_meant AND percent(saving_ns, whole_ns) >= $least_pct
)
SELECT
    found.trace,
    'idle_tensor_cores' AS code,
    severity_of(saving_ns, whole_ns) AS severity,
    saving_ns,
    percent(saving_ns, whole_ns) AS saving_pct,
    MAP {
        'gpu_ns': gpu_ns::DOUBLE,
        'cuda_pct': cuda_pct,
        'tensor_pct': tensor_pct,
        'times_faster': times_faster,
        'launch': launch::DOUBLE,
        'launches': launches::DOUBLE
    } AS numbers,
    MAP {'kernel': group_name} AS texts,
    path AS range,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns
FROM found
LEFT JOIN profiled_launches USING (kernel_id)
WHERE tensor_pct < $tensor_pct AND cuda_pct >= $fma_pct
UNION ALL
SELECT
    trace,
    'unmeasured',
    NULL,
    NULL,
    NULL,
    MAP {'products': count(*)::DOUBLE},
    MAP {},
    no_place.*
FROM found
JOIN no_place ON true
WHERE is_unknown
GROUP BY ALL
ORDER BY trace, saving_ns DESC, texts['kernel']
