-- How far are products and attention from the floor that the roofline gives a model's steps?
--
-- Steps of one name (numbers in it aside) and phase of which the floors are known, without the first ones
-- that are warm-up (is_warm_up of step-summary); floors are those of `traceql why --model config.json`
-- (predict decode, predict prefill): each byte moved once, each FLOP at the peak, prompts equally long.
-- Products are GEMMs, experts among them.
-- What takes less than below times its floor cannot be what the floor is of: that is told as unknown.
-- saving_ns: what they take above the floor, an upper bound: no kernel is faster than that.
-- @of     timeline
-- @unites trace
-- @param  gemm_floors_ns MAP(VARCHAR, VARCHAR) = NULL  trace, a line's end, step's text → floor of products
-- @param  attention_floors_ns MAP(VARCHAR, VARCHAR) = NULL  likewise, of attention
-- @param  times DOUBLE = 1.2    a kind of work is told that takes so many times its floor
-- @param  below DOUBLE = 0.9    so many times its floor is less than any work of the model takes
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @asks   work step_work
-- @asks   steps step_summary
-- @says   slow_products Products take {times_floor} times their
-- @says   slow_attention Attention takes {times_floor} times its
-- @says   slow_products|slow_attention floor in {steps|step|steps} ({range}): {avg_work_ns} a step where
--         {avg_floor_ns} would do, {share_pct} of the time of its kernels.
-- @try    slow_products Larger batches read weights for more rows, smaller types (fp8, int4) read less, other
--         shapes fill tiles and waves. An ncu report tells which of it is the matter (kernel-roofline).
-- @try    slow_attention Compare backends of attention (FlashAttention, FlashInfer, with split contexts), the
--         type of the KV cache, and the number of requests in a step.
-- @unknown fast_products Products
-- @unknown fast_attention Attention
-- @unknown fast_products|fast_attention in {steps|step|steps} of {trace} ({range}): {avg_work_ns} a step,
--         where the model needs {avg_floor_ns} at least. Another model ran, or in other types; or not all of
--         its kernels were recorded, or are known by their names; or a cache holds what they read.

WITH codes(code, floors) AS (
    VALUES
        ('slow_products', $gemm_floors_ns::MAP(VARCHAR, VARCHAR)),
        ('slow_attention', $attention_floors_ns::MAP(VARCHAR, VARCHAR))
),
floors AS (
    SELECT
        trace,
        step_name(steps.range) AS range,
        phase,
        code,
        min(floors[concat(trace, chr(10), steps.range)]::DOUBLE) AS floor_ns
    FROM steps
    CROSS JOIN codes
    GROUP BY trace, step_name(steps.range), phase, code
),
measured AS (
    SELECT
        trace,
        range,
        if(category = 'attention', 'slow_attention', 'slow_products') AS code,
        max(steps) AS steps,
        max(warm_up_steps) AS warm_up_steps,
        sum(gpu_ns) AS work_ns,
        sum(gpu_ns) * 100 / nullif(sum(share_pct), 0) AS all_ns
    FROM work
    WHERE category IN ('gemm', 'moe', 'attention')
    GROUP BY trace, range, code
),
placed AS (
    SELECT
        trace,
        step_name(steps.range) AS range,
        min(gpu_start_ns) AS start_ns,
        max(gpu_start_ns + gpu_span_ns) AS end_ns
    FROM steps
    WHERE NOT is_warm_up
    GROUP BY trace, step_name(steps.range)
),
found AS (
    SELECT
        measured.trace,
        code,
        phase,
        text_pattern(measured.range) AS called,
        sum(steps) AS steps,
        sum(warm_up_steps) AS warm_up_steps,
        sum(work_ns) AS work_ns,
        sum(floor_ns * steps) AS floors_ns,
        (sum(work_ns) - sum(floor_ns * steps))::BIGINT AS above_ns,
        sum(all_ns) AS all_ns,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM measured
    JOIN floors USING (trace, range, code)
    JOIN placed USING (trace, range)
    WHERE floor_ns > 0
    GROUP BY measured.trace, code, phase, called
)
SELECT
    trace,
    if(is_fast, replace(code, 'slow', 'fast'), code) AS code,
    if(is_fast, NULL, severity_of(above_ns, whole_ns)) AS severity,
    if(is_fast, NULL, above_ns) AS saving_ns,
    if(is_fast, NULL, above_pct) AS saving_pct,
    MAP {
        'times_floor': work_ns / floors_ns,
        'steps': steps::DOUBLE,
        'avg_work_ns': work_ns / steps,
        'avg_floor_ns': floors_ns / steps,
        'share_pct': percent(work_ns, all_ns)
    } AS numbers,
    MAP {'range': concat_ws(', ', phase, called, after_warm_up(warm_up_steps))} AS texts,
    called AS range,
    start_ns,
    end_ns
FROM (
    SELECT
        *,
        work_ns > 0 AND work_ns < $below * floors_ns AS is_fast,
        percent(above_ns, whole_ns) AS above_pct
    FROM found
    JOIN gpu_spans($trace) AS spans USING (trace)
)
WHERE is_fast OR work_ns >= $times * floors_ns AND above_pct >= $least_pct
ORDER BY trace, saving_ns DESC, code, range, phase
