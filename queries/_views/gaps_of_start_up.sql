-- The gaps on GPUs that a program pays once: while it starts up, or loads code (nsys).
--
-- It starts up until the first step of its process behind warm-up is at work on a GPU (steady_steps). A call
-- that loads code makes the last gap on a GPU of its process that it reaches into: what was compiled before
-- it took that time, too. So does the first launch of a kernel on a GPU, if its call takes 100 µs or longer:
-- CUDA loads code when it is launched first, and tells no call that does (CUDA_MODULE_LOADING=LAZY). Outside
-- of steps behind warm-up, or where nothing tells steps, that is paid once as well; inside of one it is not,
-- as nobody knows whether it comes again.
-- @once   page
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column gpu_id INTEGER         the GPU itself, see gpus; the ordinal where the report does not map it
-- @column start_ns BIGINT        start of the gap, which tells it on its GPU
-- @column end_ns BIGINT          end of the gap
-- @column duration_ns BIGINT     end minus start
-- @column is_once BOOLEAN        whether it is start-up; else code is loaded inside of a step
-- @column loaded_by VARCHAR      name of the call that loads code in it; NULL if none does
-- @column first_step VARCHAR     text of the step that start-up ends with, numbers as *; NULL if kernels tell
--                                steps, or nothing does
-- @column first_step_ns BIGINT   when that one is at work first; NULL if nothing tells steps

-- Each name is looked at once: there are few of them, and many calls.
WITH functions AS (
    SELECT name, call_purpose(any_value(name)) = 'launch' IS true AS launches
    FROM api_calls
    GROUP BY name
    HAVING launches
        OR starts_with(name, 'cuModuleLoad')
        OR starts_with(name, 'cuLibraryLoad')
        OR starts_with(name, 'cudaLibraryLoad')
),
-- Lazily loaded code is loaded inside of the call that launches it.
calls AS MATERIALIZED (
    SELECT trace_id, process_id, api_call_id, start_ns, end_ns, name, launches
    FROM api_calls
    SEMI JOIN asked_traces USING (trace_id)
    JOIN functions USING (name)
    WHERE NOT launches OR end_ns - start_ns >= 100000
),
-- First launches are looked for among the kernels of slow calls alone.
firsts AS (
    SELECT arg_min(api_call_id, (start_ns, kernel_id)) AS api_call_id
    FROM kernels
    SEMI JOIN (
        SELECT trace_id, process_id, kernels.name
        FROM kernels
        SEMI JOIN (FROM calls WHERE launches) AS slow USING (api_call_id)
    ) AS slow USING (trace_id, process_id, name)
    GROUP BY trace_id, process_id, gpu_id, name, demangled
),
loads AS (
    FROM calls WHERE NOT launches OR api_call_id IN (FROM firsts)
),
gaps AS MATERIALIZED (
    SELECT trace_id, trace, gpu_id, process_id, start_ns, end_ns, duration_ns FROM gaps_on_gpus
),
loading AS (
    SELECT gaps.trace_id, gaps.gpu_id, gaps.start_ns, mode(name ORDER BY name) AS loaded_by
    FROM (
        SELECT loads.*, gpu_id
        FROM loads
        JOIN (SELECT DISTINCT trace_id, process_id, gpu_id FROM gaps) AS used USING (trace_id, process_id)
    ) AS made
    ASOF JOIN gaps
        ON gaps.trace_id = made.trace_id AND gaps.process_id = made.process_id
        AND gaps.gpu_id IS NOT DISTINCT FROM made.gpu_id AND gaps.start_ns < made.end_ns
    WHERE made.start_ns < gaps.end_ns
    GROUP BY ALL
),
steady AS MATERIALIZED (
    FROM steady_steps
),
-- Few of many: steps are looked up for these alone.
paid AS (
    SELECT gaps.*, loaded_by, first_step, first_step_ns
    FROM gaps
    LEFT JOIN (SELECT DISTINCT trace_id, process_id, first_step_ns, first_step FROM steady) AS firsts
        USING (trace_id, process_id)
    LEFT JOIN loading
        ON loading.trace_id = gaps.trace_id AND loading.gpu_id IS NOT DISTINCT FROM gaps.gpu_id
        AND loading.start_ns = gaps.start_ns
    WHERE gaps.end_ns <= first_step_ns OR loaded_by IS NOT NULL
),
steps AS (
    SELECT
        trace_id,
        process_id,
        gpu_start_ns,
        max(gpu_end_ns) OVER (PARTITION BY trace_id, process_id ORDER BY gpu_start_ns) AS until_ns
    FROM steady
)
SELECT
    paid.trace_id,
    trace,
    gpu_id,
    start_ns,
    end_ns,
    duration_ns,
    end_ns <= first_step_ns IS NOT false OR end_ns <= until_ns IS NOT true AS is_once,
    loaded_by,
    first_step,
    first_step_ns
FROM paid
ASOF LEFT JOIN steps
    ON steps.trace_id = paid.trace_id AND steps.process_id = paid.process_id
    AND steps.gpu_start_ns <= paid.end_ns
