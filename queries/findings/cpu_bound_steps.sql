-- Which steps launch so much, one by one, that the GPU has gaps, and would run as CUDA graphs?
--
-- Steps of one name (numbers in it aside) and phase that launch at least 20 times on the average, replay no
-- CUDA graph, wait for the GPU at most twice each (a graph cannot hold a call that waits), and leave their
-- GPU idle for at least a tenth of their time on it: whoever launches meanwhile, as PyTorch does the backward
-- pass in a thread of its own, keeps it busy. The first ones that are warm-up (is_warm_up of step-summary)
-- are left out: their gaps are no launches.
-- saving_ns: that time, an upper bound: a graph's kernels have gaps of about a microsecond, too. These
-- gaps count by their causes, too (waiting_gpu), most of them as launch_bound.
-- @of     times
-- @unites trace
-- @param  launches BIGINT = 20  launches of a step from which on it is told
-- @param  waits BIGINT = 2      calls that wait, of a step that may run as a graph
-- @param  replays BIGINT = 0    replays of CUDA graphs in such a step
-- @param  idle_pct DOUBLE = 10  share of a step without GPU work, from which on it is told
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels|memory_ops|graph_launches timeline
-- @says   no_cuda_graphs In {steps|step|steps} ({range}) there {launches_per_step?is|are}
--         {launches_per_step|launch|launches}{steps?| each}, without CUDA graphs, and the GPU is idle for
--         {idle_pct} of the time.
-- @proof  no_cuda_graphs step_summary
-- @try    no_cuda_graphs Capture the step as a CUDA graph: in vLLM leave out --enforce-eager, in PyTorch
--         torch.compile(mode="reduce-overhead") or torch.cuda.graph.

WITH steps AS (
    FROM steps_with_work($trace, NULL, 'thread')
),
-- What the launching thread does beside launching one by one: of steps that are open together each holds it,
-- as it does launches.
beside_launches AS MATERIALIZED (
    FROM host_calls WHERE purpose IN ('sync', 'replay')
),
counted AS (
    SELECT
        holder_id AS range_id,
        count(*) FILTER (purpose = 'sync') AS waits,
        count(*) FILTER (purpose = 'replay') AS replays
    FROM work_in_ranges('steps', 'beside_launches', 'thread')
    GROUP BY holder_id
),
-- Steps that kernels tell have no end on the CPU: each goes on until the next one is launched, the last one
-- while its GPU work runs. Their threads are those that launch.
told_by_kernels AS (
    SELECT
        trace_id,
        process_id,
        step,
        start_ns,
        lead(start_ns, 1, gpu_start_ns + gpu_span_ns) OVER (
            PARTITION BY trace_id, process_id ORDER BY step
        ) AS until_ns
    FROM steps
    WHERE range_id IS NULL
),
launching AS (
    SELECT DISTINCT trace_id, process_id, tid
    FROM api_calls
    SEMI JOIN told_by_kernels USING (trace_id, process_id)
    SEMI JOIN kernels USING (api_call_id)
),
waits_in_steps AS (
    SELECT told.trace_id, told.process_id, step, count(*) AS waits
    FROM (
        FROM beside_launches SEMI JOIN launching USING (trace_id, process_id, tid) WHERE purpose = 'sync'
    ) AS calls
    -- Of steps that one call launched, the last one has the time.
    ASOF JOIN (FROM told_by_kernels WHERE start_ns < until_ns) AS told
        ON told.trace_id = calls.trace_id AND told.process_id = calls.process_id
        AND told.start_ns <= calls.start_ns
    WHERE calls.start_ns < until_ns
    GROUP BY ALL
),
known AS (
    SELECT
        steps.*,
        text_pattern(range) AS called,
        -- Where the calls that launch were not recorded, nobody knows what is between them.
        CASE
            WHEN steps.range_id IS NOT NULL THEN coalesce(counted.waits, 0)
            WHEN until_ns >= told.start_ns THEN coalesce(waits_in_steps.waits, 0)
        END AS waits,
        coalesce(replays, graph_replays, 0) AS replays
    FROM steps
    LEFT JOIN counted ON counted.range_id = steps.range_id
    LEFT JOIN told_by_kernels AS told
        ON told.trace_id = steps.trace_id AND told.process_id = steps.process_id AND told.step = steps.step
        AND steps.range_id IS NULL
    LEFT JOIN waits_in_steps
        ON waits_in_steps.trace_id = told.trace_id AND waits_in_steps.process_id = told.process_id
        AND waits_in_steps.step = told.step
),
used AS (
    SELECT DISTINCT trace_id, process_id, gpu_id FROM gpu_operations
),
counting AS (
    SELECT
        *,
        gpu_start_ns AS from_ns,
        gpu_start_ns + gpu_span_ns AS to_ns
    FROM (
        SELECT *, count(*) FILTER (is_warm_up) OVER (PARTITION BY trace, called, phase) AS warm_up_steps
        FROM known
    )
    WHERE NOT is_warm_up
),
stretches AS (
    SELECT trace, trace_id, called, phase, gpu_id, from_ns, to_ns, step AS number,
           (trace_id, called, phase, gpu_id) AS lane
    FROM counting
    JOIN used USING (trace_id, process_id)
    WHERE to_ns IS NOT NULL
),
-- Of steps that run beside each other the time counts once.
pieces AS (
    FROM one_after_another('stretches')
),
gaps AS (
    SELECT
        trace_id,
        gpu_id,
        start_ns,
        end_ns,
        sum(duration_ns) OVER (PARTITION BY trace_id, gpu_id ORDER BY start_ns) - duration_ns AS before_ns
    FROM gaps_on_gpus
),
idle AS (
    SELECT
        trace,
        called,
        phase,
        sum(
            coalesce(until.before_ns + least(to_ns, until.end_ns) - until.start_ns, 0)
            - coalesce(earlier.before_ns + least(from_ns, earlier.end_ns) - earlier.start_ns, 0)
        )::BIGINT AS gaps_ns,
        sum(to_ns - from_ns) AS span_ns
    FROM pieces
    ASOF LEFT JOIN gaps AS earlier
        ON earlier.trace_id = pieces.trace_id AND earlier.gpu_id IS NOT DISTINCT FROM pieces.gpu_id
        AND earlier.start_ns <= pieces.from_ns
    ASOF LEFT JOIN gaps AS until
        ON until.trace_id = pieces.trace_id AND until.gpu_id IS NOT DISTINCT FROM pieces.gpu_id
        AND until.start_ns <= pieces.to_ns
    GROUP BY trace, called, phase
),
found AS (
    SELECT
        steps.*,
        gaps_ns,
        percent(gaps_ns, span_ns) AS idle_pct
    FROM (
        SELECT
            trace,
            called,
            phase,
            warm_up_steps,
            count(*) AS steps,
            avg(launches) AS launches_per_step,
            avg(waits) AS waits_per_step,
            avg(replays) AS replays_per_step,
            min(from_ns) AS start_ns,
            max(to_ns) AS end_ns
        FROM counting
        GROUP BY trace, called, phase, warm_up_steps
    ) AS steps
    JOIN idle
        ON idle.trace = steps.trace AND idle.called IS NOT DISTINCT FROM steps.called
        AND idle.phase IS NOT DISTINCT FROM steps.phase
)
SELECT
    trace,
    'no_cuda_graphs' AS code,
    severity_of(gaps_ns, whole_ns) AS severity,
    gaps_ns AS saving_ns,
    percent(gaps_ns, whole_ns) AS saving_pct,
    MAP {
        'steps': steps::DOUBLE,
        'launches_per_step': launches_per_step,
        'idle_pct': idle_pct
    } AS numbers,
    MAP {
        'range': concat_ws(', ', coalesce(called, 'told by kernels'), after_warm_up(warm_up_steps))
    } AS texts,
    called AS range,
    start_ns,
    end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE launches_per_step >= $launches
    AND waits_per_step <= $waits
    AND replays_per_step <= $replays
    AND idle_pct >= $idle_pct
    AND saving_pct >= $least_pct
ORDER BY trace, saving_ns DESC, range, phase
