-- What does each inference or training step do, and where does the GPU wait?
--
-- Steps are the ranges of vLLM, TensorRT-LLM or torch.profiler; else the outermost ranges that repeat, of
-- push/pop or start/end; else what repeats in the order of the kernels, and a note says so. Others can be
-- named by --step. vLLM names its steps execute_context_<requests>(<tokens>)_generation_<requests>(<tokens>),
-- context is prefill and generation decode; TensorRT-LLM tells requests only. Kind and tokens of others are
-- NULL, and so is GPU work that was not recorded, or that only other threads launched.
-- @of     timeline
-- @unites trace
-- @param  step VARCHAR = NULL         text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR = 'thread'       whose launches a range holds: thread or process
-- @needs  kernels|nvtx_ranges timeline
-- @column trace VARCHAR               name of the trace
-- @column pid BIGINT                  process
-- @column tid BIGINT                  thread; NULL if kernels tell the steps
-- @column step BIGINT                 0 for the first of its thread
-- @column range VARCHAR               NVTX message; NULL if kernels tell the steps
-- @column phase VARCHAR               prefill, decode, mixed or empty
-- @column context_requests BIGINT     requests in prefill
-- @column context_tokens BIGINT       their tokens
-- @column generation_requests BIGINT  requests in decode
-- @column generation_tokens BIGINT    their tokens
-- @column start_ns BIGINT             start on the CPU
-- @column duration_ns BIGINT          time on the CPU
-- @column gpu_start_ns BIGINT         start of its first GPU operation
-- @column gpu_span_ns BIGINT          from there to the end of the operation that ended last
-- @column gpu_busy_ns BIGINT          of it, with at least one of its operations running
-- @column gpu_gaps_ns BIGINT          of it, with none running
-- @column gpu_before_ns BIGINT        from the GPU end of the step before to it; negative if they overlap
-- @column gpu_operations BIGINT       kernels, copies, memsets and whole graphs; NULL if not known
-- @column launches BIGINT             API calls that launched them
-- @column tokens_per_s DOUBLE         tokens ÷ GPU span
-- @chart  points x=step y=gpu_span_ns color=phase
-- @section timeline 41 Where the time goes
-- @empty  No step: no range is like the one asked for, or repeats, nor do kernels. See the query nvtx-sum for
-- @empty  what to name with --step. Recorded by: nsys profile --trace=nvtx
-- @note   SELECT 'Steps of ' || trace || ' are told by kernels that repeat: no range does.'
-- @note   FROM answer WHERE range IS NULL GROUP BY trace ORDER BY trace

WITH named AS (
    FROM steps_of($step)
),
steps AS (
    FROM ranges_with_work('named', $by)
    UNION ALL BY NAME
    FROM steps_of_kernels('named', $step)
),
texts AS (
    SELECT
        *,
        regexp_extract(text, '^execute_context_([0-9]+)\(([0-9]+)\)_generation_([0-9]+)\(([0-9]+)\)',
                       ['contexts', 'context_tokens', 'generations', 'generation_tokens']) AS vllm,
        regexp_extract(text, '_forward_step [0-9]+: ([0-9]+) ctx reqs, ([0-9]+) gen reqs',
                       ['contexts', 'generations']) AS trtllm
    FROM steps
),
parsed AS (
    SELECT
        * EXCLUDE (vllm, trtllm),
        try_cast(coalesce(nullif(vllm.contexts, ''), trtllm.contexts) AS BIGINT) AS context_requests,
        try_cast(vllm.context_tokens AS BIGINT) AS context_tokens,
        try_cast(coalesce(nullif(vllm.generations, ''), trtllm.generations) AS BIGINT) AS generation_requests,
        try_cast(vllm.generation_tokens AS BIGINT) AS generation_tokens
    FROM texts
)
SELECT
    trace,
    pid,
    tid,
    row_number() OVER by_start - 1 AS step,
    text AS range,
    CASE WHEN context_requests > 0 AND generation_requests > 0 THEN 'mixed'
         WHEN context_requests > 0 THEN 'prefill'
         WHEN generation_requests > 0 THEN 'decode'
         WHEN context_requests = 0 THEN 'empty' END AS phase,
    context_requests,
    context_tokens,
    generation_requests,
    generation_tokens,
    start_ns,
    duration_ns,
    gpu_start_ns,
    gpu_end_ns - gpu_start_ns AS gpu_span_ns,
    gpu_busy_ns,
    gpu_end_ns - gpu_start_ns - gpu_busy_ns AS gpu_gaps_ns,
    gpu_start_ns - lag(gpu_end_ns) OVER by_start AS gpu_before_ns,
    gpu_operations,
    launches,
    per_second(context_tokens + generation_tokens, gpu_end_ns - gpu_start_ns) AS tokens_per_s
FROM parsed
JOIN chosen_traces($trace) AS traces USING (trace_id)
WINDOW by_start AS (
    PARTITION BY trace, process_id, tid ORDER BY coalesce(start_ns, gpu_start_ns), range_id
)
ORDER BY trace, pid, process_id, tid, step
