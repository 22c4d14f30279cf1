-- The steps of traces, with what they do and the process that they are of: pids are no processes.
--
-- Columns: those of the question step_summary, which says what they mean; trace_id; process_id; range_id,
-- NULL of those that kernels tell; graph_replays, NULL of others.
-- @param  chosen VARCHAR[]     names of traces; NULL for all
-- @param  wanted VARCHAR       text or pattern of the ranges that are steps; NULL to find them
-- @param  attribution VARCHAR  whose launches a range holds: thread or process

WITH named AS MATERIALIZED (
    FROM steps_of(wanted)
),
steps AS (
    SELECT *, step_name(text) AS step_text FROM ranges_with_work('named', attribution)
    UNION ALL BY NAME
    FROM steps_of_kernels('named', wanted)
),
warming AS (
    FROM with_warm_up('steps')
),
texts AS (
    SELECT
        *,
        regexp_extract(text, '^execute_context_([0-9]+)\(([0-9]+)\)_generation_([0-9]+)\(([0-9]+)\)',
                       ['contexts', 'context_tokens', 'generations', 'generation_tokens']) AS vllm,
        regexp_extract(text, '_forward_step [0-9]+: ([0-9]+) ctx reqs, ([0-9]+) gen reqs',
                       ['contexts', 'generations']) AS trtllm
    FROM warming
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
    trace_id,
    process_id,
    pid,
    tid,
    range_id,
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
    graph_replays,
    per_second(context_tokens + generation_tokens, gpu_end_ns - gpu_start_ns) AS tokens_per_s,
    is_warm_up
FROM parsed
JOIN chosen_traces(chosen) AS traces USING (trace_id)
WINDOW by_start AS (
    PARTITION BY trace, process_id, tid ORDER BY coalesce(start_ns, gpu_start_ns), range_id, gpu_start_ns
)
