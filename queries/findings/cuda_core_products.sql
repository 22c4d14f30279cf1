-- Which matrix products run on the CUDA cores of a GPU that has tensor cores?
--
-- By the kernels' names: those of libraries tell which cores compute. Kernels before the first step behind
-- warm-up of their process are start-up, and not counted, as top_kernels counts them.
-- saving_ns: the part of their time that the tensor cores' peak in half precision leaves over, an upper
-- bound: both may wait for memory, and precision is lost.
-- @of     timeline
-- @unites trace
-- @once   question
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels timeline
-- @says   cuda_core_products {instances|matrix product runs|matrix products run} on the CUDA cores, for
--         {gpu_ns}, {share_pct} of the kernels' time, most of it {kernel}. The tensor cores could multiply
--         {times_faster} times as fast.
-- @try    cuda_core_products Multiply in TF32 (torch.set_float32_matmul_precision("high"), from Ampere on),
--         or in bfloat16 or float16 (torch.autocast), where the result allows it.
-- @proof  cuda_core_products top_kernels limit=NULL

WITH executed AS (
    SELECT
        trace_id,
        process_id,
        traces.trace,
        gpu_id,
        kernels.name,
        demangled,
        kernels.duration_ns,
        kernels.start_ns,
        end_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
summed AS (
    SELECT
        trace,
        trace_id,
        gpu_id,
        name,
        demangled,
        sum(duration_ns) AS gpu_ns,
        count(*) AS instances,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM behind_start_up('executed')
    GROUP BY trace, trace_id, gpu_id, name, demangled
),
timed AS (
    SELECT
        summed.* EXCLUDE (name, demangled),
        called AS kernel,
        on_cuda_cores(coalesce(demangled, summed.name)) AS is_meant
    FROM summed
    LEFT JOIN kernels_called('distinct', '*') AS named
        ON named.name = summed.name AND named.full_name = coalesce(demangled, summed.name)
),
found AS (
    SELECT
        timed.trace,
        sum(gpu_ns)::BIGINT AS products_ns,
        sum(instances) AS instances,
        sum(gpu_ns * (1 - cuda_flop_per_s / tensor_flop_per_s))::BIGINT AS saving_ns,
        -- Of the GPU whose tensor cores are ahead by most, as one machine has one kind, nearly always.
        max(tensor_flop_per_s / cuda_flop_per_s) AS times_faster,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM timed
    JOIN tensor_peaks USING (trace_id, gpu_id)
    WHERE is_meant
    GROUP BY timed.trace
),
named AS (
    SELECT trace, arg_max(kernel, (gpu_ns, kernel)) AS kernel
    FROM (
        SELECT trace, kernel, sum(gpu_ns) AS gpu_ns
        FROM timed
        SEMI JOIN tensor_peaks USING (trace_id, gpu_id)
        WHERE is_meant
        GROUP BY trace, kernel
    )
    GROUP BY trace
),
whole AS (
    SELECT trace, sum(gpu_ns) AS kernels_ns FROM timed GROUP BY trace
)
SELECT
    found.trace,
    'cuda_core_products' AS code,
    severity_of(saving_ns, whole_ns) AS severity,
    saving_ns,
    percent(saving_ns, whole_ns) AS saving_pct,
    MAP {
        'instances': instances::DOUBLE,
        'gpu_ns': products_ns::DOUBLE,
        'share_pct': percent(products_ns, kernels_ns),
        'times_faster': times_faster
    } AS numbers,
    MAP {'kernel': kernel} AS texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
JOIN named USING (trace)
JOIN whole USING (trace)
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace
