-- Work of one profiled workload in one precision, and the peak for it (ncu).
--
-- CUDA cores: thread instructions, add and mul 1 FLOP, fma 2, and twice that for 16 bits, where each works on
-- a pair (as NVIDIA's roofline sections count). Sections record instructions per cycle: times the cycles.
-- Tensor cores: sm__ops_path_tensor_src_<types>.sum counts multiply and add already. Its children
-- (…_op_hgmma_src_…) count the same operations again and are read for their peaks only: a parent's own peak
-- is that of structured sparsity, the dense one is that of its fastest child without. Integer types count
-- operations. Where none of these was recorded, an idle tensor pipe means 0, and each instruction of a busy
-- one at least 512, as NVIDIA's sections count for Volta to Ada: the smallest product of any type. What was
-- counted in part, as add without fma, is at least that much; a part that counts nothing says nothing.
-- @column trace_id BIGINT         the trace it belongs to, see traces
-- @column trace VARCHAR           name of the trace
-- @column kernel_id BIGINT        the workload, see kernels
-- @column cores VARCHAR           cuda or tensor
-- @column precision VARCHAR       as in gpu_specs.peak_flop_per_s, fp16_cuda, or tensor for instructions of
--         types that are not told; NULL if not recorded
-- @column flop DOUBLE             executed, padding of tiles included; NULL where the report does not tell
-- @column at_least BOOLEAN        whether only a part of them was counted, or nothing
-- @column peak_flop_per_s DOUBLE  dense peak at the clocks of the run; NULL where the report does not tell

-- Names are taken apart once each, not in every row.
WITH parsed AS (
    SELECT
        metric,
        regexp_extract(
            metric,
            '^sm(?:sp)?__sass_thread_inst_executed_op_([dfh])(add|mul|fma)_pred_on\.sum(\.[a-z_.]+)?$',
            ['letter', 'op', 'form']
        ) AS cuda,
        regexp_extract(
            metric,
            '^sm__ops_path_tensor_(op_[a-z]+_)?src_(.+?)(?:_sparsity_(on|off))?\.sum(\.peak_sustained)?$',
            ['child', 'types', 'sparsity', 'form']
        ) AS tensor
    FROM (SELECT DISTINCT metric FROM metrics)
),
names AS (
    FROM parsed
    WHERE cuda.letter <> ''
        OR tensor.types <> '' AND (tensor.child = '' OR tensor.form <> '')
        OR metric IN (
            'smsp__cycles_elapsed.avg', 'smsp__cycles_elapsed.avg.per_second',
            'sm__cycles_elapsed.avg.per_second',
            'smsp__inst_executed_pipe_tensor.sum.per_cycle_elapsed', 'sm__inst_executed_pipe_tensor.sum',
            'sm__inst_executed_pipe_tensor.sum.peak_sustained',
            'sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed'
        )
),
counters AS (
    SELECT kernel_id, value, names.*
    FROM metrics
    JOIN names USING (metric)
),
workloads AS (
    SELECT
        kernels.trace_id,
        trace,
        kernel_id,
        coalesce(
            max(value) FILTER (metric = 'smsp__cycles_elapsed.avg'),
            max(value) FILTER (metric = 'smsp__cycles_elapsed.avg.per_second')
                * any_value(kernels.duration_ns) / 1e9
        ) AS cycles,
        max(value) FILTER (metric = 'sm__cycles_elapsed.avg.per_second') AS hz,
        bool_and(value = 0) FILTER (contains(metric, 'pipe_tensor') AND NOT ends_with(metric, '_sustained'))
            AS tensor_idle,
        max(value) FILTER (metric = 'sm__inst_executed_pipe_tensor.sum') AS tensor_instructions,
        max(value) FILTER (metric = 'smsp__inst_executed_pipe_tensor.sum.per_cycle_elapsed')
            AS tensor_instructions_per_cycle,
        512 * max(value) FILTER (metric = 'sm__inst_executed_pipe_tensor.sum.peak_sustained')
            AS tensor_flop_per_cycle
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND has_counters
    LEFT JOIN counters USING (kernel_id)
    GROUP BY kernels.trace_id, trace, kernel_id
),
instructions AS (
    SELECT
        kernel_id,
        cuda.letter AS letter,
        cuda.op AS op,
        coalesce(
            max(value) FILTER (cuda.form = ''),
            round(max(value) FILTER (cuda.form = '.per_cycle_elapsed') * any_value(cycles))
        ) AS executed,
        max(value) FILTER (cuda.form = '.peak_sustained') * any_value(hz) AS peak_per_s
    FROM counters
    JOIN workloads USING (kernel_id)
    WHERE cuda.letter <> ''
    GROUP BY ALL
),
cuda_cores AS (
    SELECT
        kernel_id,
        letter,
        sum(executed * CASE op WHEN 'fma' THEN 2 ELSE 1 END) AS flop,
        count(executed) < 3 AS at_least,
        2 * max(peak_per_s) FILTER (op = 'fma') AS peak_flop_per_s
    FROM instructions
    GROUP BY ALL
),
tensor_cores AS (
    SELECT
        kernel_id,
        tensor.types AS types,
        coalesce(max(value) FILTER (tensor.sparsity = ''), sum(value)) AS flop,
        count(value) FILTER (tensor.sparsity = '') = 0 AND count(value) < 2 AS at_least
    FROM counters
    WHERE tensor.types <> '' AND tensor.child = '' AND tensor.form = ''
    GROUP BY ALL
),
dense_peaks AS (
    SELECT kernel_id, tensor.types AS types, max(value) AS per_cycle
    FROM counters
    WHERE tensor.form = '.peak_sustained' AND (tensor.sparsity = 'off' OR tensor.types IN ('fp64', 'int1'))
    GROUP BY ALL
)
SELECT
    trace_id,
    trace,
    kernel_id,
    'cuda' AS cores,
    precision,
    width * CASE WHEN at_least THEN nullif(flop, 0) ELSE flop END AS flop,
    coalesce(at_least, true) AS at_least,
    width * peak_flop_per_s AS peak_flop_per_s
FROM workloads
CROSS JOIN (
    VALUES ('d', 'fp64', 1), ('f', 'fp32', 1), ('h', 'fp16_cuda', 2)
) AS precisions(letter, precision, width)
LEFT JOIN cuda_cores USING (kernel_id, letter)
UNION ALL
SELECT
    trace_id,
    trace,
    workloads.kernel_id,
    'tensor',
    CASE WHEN tensor_cores.types = 'fp64' THEN 'fp64_tensor'
         -- fp4_fp6_fp8_dst_fp32 is any of the three: none is slower than fp8.
         ELSE regexp_extract(tensor_cores.types, '([a-z]+[0-9]+)(?:_dst_[a-z0-9]+)?$', 1)
             || CASE WHEN ends_with(tensor_cores.types, '_dst_fp16') THEN '_fp16_accumulate' ELSE '' END
    END,
    CASE WHEN any_value(at_least) THEN nullif(any_value(flop), 0) ELSE any_value(flop) END,
    any_value(at_least),
    max(per_cycle) * any_value(hz)
FROM workloads
JOIN tensor_cores USING (kernel_id)
LEFT JOIN dense_peaks
    ON dense_peaks.kernel_id = workloads.kernel_id AND starts_with(dense_peaks.types, tensor_cores.types)
GROUP BY trace_id, trace, workloads.kernel_id, tensor_cores.types
UNION ALL
SELECT
    trace_id,
    trace,
    kernel_id,
    'tensor',
    if(flop > 0, 'tensor', NULL),
    if(tensor_idle, 0, nullif(flop, 0)),
    coalesce(NOT tensor_idle, true),
    tensor_flop_per_cycle * hz
FROM (
    SELECT *, 512 * coalesce(tensor_instructions, round(tensor_instructions_per_cycle * cycles)) AS flop
    FROM workloads
)
ANTI JOIN tensor_cores USING (kernel_id)
