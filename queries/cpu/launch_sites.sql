-- Where in the program is the GPU's work launched?
--
-- A row for each kernel and stack of calls that launches it, those of most GPU time first; kernels that one
-- call launched are its. Frames of CUDA and of the profiler, which are the innermost of every stack, are
-- left out. Kernels whose launch has no stack stand together. Those of ncu are asked of launched-from.
-- @of     timeline
-- @unites trace
-- @param  kernel VARCHAR = '*'    kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  frames BIGINT = 6       innermost frames that are told, and make places differ; NULL for all
-- @param  limit BIGINT = 20       rows per trace, those of most GPU time; NULL for all
-- @needs  kernels call_stacks timeline
-- @column trace VARCHAR           name of the trace
-- @column kernel VARCHAR          kernel name
-- @column kernels BIGINT          executions that were launched there
-- @column launches BIGINT         calls that launched them
-- @column gpu_ns BIGINT           their time
-- @column share_pct DOUBLE        of the time of all kernels of the trace
-- @column python_stack VARCHAR    functions of Python with file and line, joined by <; NULL if not recorded
-- @column native_stack VARCHAR    native functions, or else the library or program that holds them; NULL if
--                                 not recorded
-- @column lacks VARCHAR           what the launch lacks (option of nsys that records it)

WITH wanted AS (
    SELECT
        trace,
        kernels.trace_id,
        called AS kernel,
        is_asked,
        kernels.api_call_id,
        kernels.duration_ns,
        sum(kernels.duration_ns) OVER (PARTITION BY trace) AS all_ns,
        stack_id,
        python_stack_id
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    WHERE has_timeline
),
asked AS (
    SELECT * FROM wanted WHERE is_asked
),
outside AS (
    -- Up to the outermost frame of CUDA's own libraries: what called it. Programs are called cuda, too.
    SELECT
        *,
        frame_depth - coalesce(
            max(frame_depth) FILTER (
                regexp_matches(
                    frame_module,
                    '(^|[/\\])(lib(cuda|cudart|cupti)(-\w+)?\.so[.0-9]*|(nvcuda|cudart|cupti)[\w.]*\.dll)$',
                    'i'
                )
            ) OVER (PARTITION BY stack_id),
            -1
        ) AS place
    FROM call_stacks
),
told AS (
    SELECT
        stack_id,
        string_agg(
            CASE stack_kind
                WHEN 'python'
                THEN concat_ws(' in ', frame_function, frame_file || coalesce(':' || frame_line, ''))
                ELSE frame_called(frame_function, frame_module, frame_file, is_kernel_mode)
            END,
            ' < ' ORDER BY frame_depth
        ) AS stack
    FROM outside
    WHERE place > 0 AND within_limit(place, $frames)
    GROUP BY stack_id
)
SELECT
    trace,
    kernel,
    count(*) AS kernels,
    count(DISTINCT api_call_id) AS launches,
    sum(duration_ns)::BIGINT AS gpu_ns,
    percent(gpu_ns, any_value(all_ns)) AS share_pct,
    python.stack AS python_stack,
    native.stack AS native_stack,
    lacking(
        'stack of calls', coalesce(asked.stack_id, asked.python_stack_id),
        '--cudabacktrace=all, of Python --python-backtrace=cuda'
    ) AS lacks
FROM asked
LEFT JOIN told AS native ON native.stack_id = asked.stack_id
LEFT JOIN told AS python ON python.stack_id = asked.python_stack_id
GROUP BY trace, kernel, python.stack, native.stack
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace
        ORDER BY gpu_ns DESC NULLS LAST, kernel, python_stack NULLS LAST, native_stack NULLS LAST
    ),
    $limit
)
ORDER BY trace, gpu_ns DESC NULLS LAST, kernel, python_stack NULLS LAST, native_stack NULLS LAST
