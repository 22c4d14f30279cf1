-- What does each inference step do, and where does the GPU wait?
--
-- vLLM names its steps execute_context_<requests>(<tokens>)_generation_<requests>(<tokens>): context is
-- prefill, generation is decode. Other steps can be named by --step; their kind and tokens are NULL then.
-- @of     timeline
-- @param  step VARCHAR = 'execute_context_%'  text or pattern of the ranges that are steps
-- @needs  nvtx_ranges
-- @column trace VARCHAR               name of the trace
-- @column pid BIGINT                  process
-- @column step BIGINT                 0 for the first of its process
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
-- @column gpu_operations BIGINT       kernels, copies, memsets and whole graphs
-- @column launches BIGINT             API calls that launched them
-- @column tokens_per_s DOUBLE         tokens ÷ GPU span
-- @chart  points x=step y=gpu_span_ns color=phase
-- @section timeline 41 Where the time goes
-- @empty  No range looks like a vLLM step: name yours with --step (see the query nvtx-sum).

WITH steps AS (
    SELECT
        *,
        regexp_extract(text, '^execute_context_([0-9]+)\(([0-9]+)\)_generation_([0-9]+)\(([0-9]+)\)',
                       ['contexts', 'context_tokens', 'generations', 'generation_tokens']) AS parts
    FROM nvtx_ranges
    WHERE is_like(text, $step) AND style <> 'mark'
),
parsed AS (
    SELECT
        * EXCLUDE (parts),
        try_cast(parts.contexts AS BIGINT) AS context_requests,
        try_cast(parts.context_tokens AS BIGINT) AS context_tokens,
        try_cast(parts.generations AS BIGINT) AS generation_requests,
        try_cast(parts.generation_tokens AS BIGINT) AS generation_tokens
    FROM steps
)
SELECT
    trace,
    pid,
    row_number() OVER by_start - 1 AS step,
    CASE WHEN context_requests > 0 AND generation_requests > 0 THEN 'mixed'
         WHEN context_requests > 0 THEN 'prefill'
         WHEN generation_requests > 0 THEN 'decode'
         WHEN context_requests = 0 THEN 'empty' END AS phase,
    context_requests,
    context_tokens,
    generation_requests,
    generation_tokens,
    start_ns,
    parsed.duration_ns,
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
WINDOW by_start AS (PARTITION BY trace, pid ORDER BY start_ns, range_id)
ORDER BY trace, pid, step
