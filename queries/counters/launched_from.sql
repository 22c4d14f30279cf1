-- Where in the program is each kernel launched?
--
-- A row for each kernel and place that launches it, those of most time first: the stacks of calls that ncu
-- recorded at the launch, the innermost call first. Other lines are other places, where lines are known: of
-- Python always, of native code that was compiled with debug information. ncu's option records native calls;
-- those of Python it has to be asked for.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'   kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  frames BIGINT = 8      innermost frames that are told, and make places differ; NULL for all
-- @param  limit BIGINT = 20      rows per trace, those of most GPU time; NULL for all
-- @needs  launch_stacks
-- @column trace VARCHAR          name of the trace
-- @column kernel VARCHAR         kernel name
-- @column kernels BIGINT         profiled launches there
-- @column gpu_ns BIGINT          their time
-- @column share_pct DOUBLE       share of the time of all profiled workloads of the trace
-- @column python_stack VARCHAR   functions of Python, with file and line, joined by <; NULL if not recorded
-- @column native_stack VARCHAR   native functions, with file and line, or else the library or program that
--                                holds them; NULL if not recorded
-- @column lacks VARCHAR          what the report lacks (--option of ncu that records it)

WITH wanted AS (
    SELECT traces.trace, group_name AS kernel, kernel_id, duration_ns, trace_ns
    FROM profiled_of_all('kernel', $names, $kernel, '')
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
told AS (
    SELECT
        kernel_id,
        stack_kind,
        string_agg(
            concat_ws(
                ' in ', frame_function, coalesce(frame_file || coalesce(':' || frame_line, ''), frame_module)
            ),
            ' < ' ORDER BY frame_depth
        ) AS stack
    FROM launch_stacks
    WHERE within_limit(frame_depth + 1, $frames)
    GROUP BY kernel_id, stack_kind
),
stacks AS (
    SELECT
        kernel_id,
        max(stack) FILTER (stack_kind = 'python') AS python_stack,
        max(stack) FILTER (stack_kind = 'native') AS native_stack
    FROM told
    GROUP BY kernel_id
)
SELECT
    trace,
    kernel,
    count(*) AS kernels,
    sum(duration_ns)::BIGINT AS gpu_ns,
    percent(sum(duration_ns), max(trace_ns)) AS share_pct,
    python_stack,
    native_stack,
    lacking('stacks of calls', coalesce(length(python_stack), length(native_stack)), '--call-stack') AS lacks
FROM wanted
LEFT JOIN stacks USING (kernel_id)
GROUP BY trace, kernel, python_stack, native_stack
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace
        ORDER BY gpu_ns DESC NULLS LAST, kernel, python_stack NULLS LAST, native_stack NULLS LAST
    ),
    $limit
)
ORDER BY trace, gpu_ns DESC NULLS LAST, kernel, python_stack NULLS LAST, native_stack NULLS LAST
