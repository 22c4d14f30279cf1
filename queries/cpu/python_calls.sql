-- Which lines of Python make the API calls that take longest?
--
-- A row for each function of CUDA and stack of Python that calls it, those of most time first. nsys looks at
-- the interpreter's stack in calls that launch, copy, allocate, release and synchronise. The calls of the
-- slowest step: --within with its range.
-- @of     timeline
-- @unites trace
-- @param  function VARCHAR = '*'  function of CUDA, or a pattern of it
-- @param  frames BIGINT = 8       innermost frames that are told, and make places differ; NULL for all
-- @param  limit BIGINT = 20       rows per trace, those of most time; NULL for all
-- @needs  api_calls call_stacks
-- @column trace VARCHAR           name of the trace
-- @column function VARCHAR        function of CUDA
-- @column calls BIGINT            calls from there
-- @column total_ns BIGINT         time in them
-- @column share_pct DOUBLE        of the time in all API calls of the trace
-- @column max_ns BIGINT           longest
-- @column gpu_ns BIGINT           time of the kernels, copies and memsets that they launched
-- @column python_stack VARCHAR    functions of Python with file and line, the innermost first, joined by <
-- @empty  No call has a stack of Python: nsys profile --python-backtrace=cuda --cudabacktrace=all.

WITH made AS (
    SELECT
        trace,
        api_calls.*,
        sum(api_calls.duration_ns) OVER (PARTITION BY trace) AS all_ns
    FROM api_calls
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
stacks AS (
    SELECT
        trace_id,
        stack_id AS python_stack_id,
        string_agg(
            concat_ws(' in ', frame_function, frame_file || coalesce(':' || frame_line, '')),
            ' < ' ORDER BY frame_depth
        ) AS python_stack
    FROM call_stacks
    WHERE stack_kind = 'python' AND within_limit(frame_depth + 1, $frames)
    GROUP BY trace_id, stack_id
),
launched AS (
    SELECT api_call_id, sum(duration_ns) AS gpu_ns FROM gpu_operations GROUP BY api_call_id
)
SELECT
    trace,
    name AS function,
    count(*) AS calls,
    sum(duration_ns)::BIGINT AS total_ns,
    percent(total_ns, any_value(all_ns)) AS share_pct,
    max(duration_ns) AS max_ns,
    sum(gpu_ns)::BIGINT AS gpu_ns,
    python_stack
FROM made
JOIN stacks USING (trace_id, python_stack_id)
LEFT JOIN launched USING (api_call_id)
WHERE is_like(name, $function)
GROUP BY trace, name, python_stack
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, function, python_stack), $limit
)
ORDER BY trace, total_ns DESC NULLS LAST, function, python_stack
