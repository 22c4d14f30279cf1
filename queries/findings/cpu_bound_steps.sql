-- Which steps launch so much, one by one, that the GPU has gaps, and would run as CUDA graphs?
--
-- Steps of one name (numbers in it aside) and phase that launch at least 20 times on the average, replay no
-- CUDA graph, wait for the GPU at most twice each (a graph cannot hold a call that waits), and have no GPU
-- work running for at least a tenth of their time on the GPU.
-- saving_ns: that time, an upper bound: a graph's kernels have gaps of about a microsecond, too.
-- @of     times
-- @unites trace
-- @param  launches BIGINT = 20  launches of a step from which on it is told
-- @param  waits BIGINT = 2      calls that wait, of a step that may run as a graph
-- @param  replays BIGINT = 0    replays of CUDA graphs in such a step
-- @param  idle_pct DOUBLE = 10  share of a step without GPU work, from which on it is told
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels|nvtx_ranges timeline
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
beside_launches AS (
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
found AS (
    SELECT
        trace,
        text_pattern(range) AS called,
        phase,
        count(*) AS steps,
        avg(launches) AS launches_per_step,
        avg(coalesce(waits, 0)) AS waits_per_step,
        avg(coalesce(replays, graph_replays, 0)) AS replays_per_step,
        sum(gpu_gaps_ns)::BIGINT AS gaps_ns,
        percent(sum(gpu_gaps_ns), sum(gpu_span_ns)) AS idle_pct,
        min(gpu_start_ns) AS start_ns,
        max(gpu_start_ns + gpu_span_ns) AS end_ns
    FROM steps
    LEFT JOIN counted USING (range_id)
    GROUP BY trace, called, phase
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
    MAP {'range': coalesce(called, 'told by kernels')} AS texts,
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
