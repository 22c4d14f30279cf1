-- Each kernel launch under a key that finds it in another recording of the same work, by nsys or by ncu.
--
-- The key is (process_number, device_id, path, kernel, instance). The path is that of NVTX ranges in every
-- domain: nsys nests the ranges of a thread across domains, ncu keeps a stack per domain, so that only the
-- ranges of one domain in their order are the same in both. Start/end ranges are no part of it. Launches that
-- share the rest of the key are numbered in the order of their launch.
-- @column profiler VARCHAR       nsys or ncu, see traces
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column kernel_id BIGINT       the launch, see kernels
-- @column process_number BIGINT  1 for the process with the lowest pid that launched kernels, 2 …
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column path VARCHAR           path in the default domain, then "| domain: path" of others; empty outside
-- @column kernel VARCHAR         function name without template arguments
-- @column instance BIGINT        1 for the first launch of this process, device, path and kernel, 2 …

WITH nsys_paths AS (
    SELECT range_ancestors.range_id, domain, string_agg(coalesce(text, ''), '/' ORDER BY levels DESC) AS path
    FROM range_ancestors
    JOIN nvtx_ranges ON nvtx_ranges.range_id = ancestor_id
    GROUP BY ALL
),
nsys_places AS (
    SELECT
        range_id,
        string_agg(CASE domain WHEN '' THEN path ELSE domain || ': ' || path END, ' | ' ORDER BY domain)
            AS place
    FROM nsys_paths
    GROUP BY range_id
),
ncu_paths AS (
    SELECT kernel_id, domain, arg_max(path, depth) AS path
    FROM ncu_ranges
    WHERE style = 'pushpop'
    GROUP BY ALL
),
ncu_places AS (
    SELECT
        kernel_id,
        string_agg(CASE domain WHEN '' THEN path ELSE domain || ': ' || path END, ' | ' ORDER BY domain)
            AS place
    FROM ncu_paths
    GROUP BY kernel_id
),
placed AS (
    SELECT
        profiler,
        kernels.trace_id,
        kernel_id,
        kernels.process_id,
        kernels.pid,
        device_id,
        coalesce(place, '') AS path,
        kernels.name AS kernel,
        coalesce(api_calls.start_ns, kernels.start_ns) AS launched_ns,
        kernels.start_ns
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND has_timeline
    LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    LEFT JOIN nsys_places ON nsys_places.range_id = kernels.range_id
    UNION ALL
    SELECT
        profiler,
        kernels.trace_id,
        kernel_id,
        process_id,
        pid,
        device_id,
        coalesce(place, ''),
        kernels.name,
        NULL,
        NULL
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND NOT has_timeline
    LEFT JOIN ncu_places USING (kernel_id)
)
SELECT
    profiler,
    trace_id,
    kernel_id,
    dense_rank() OVER (PARTITION BY trace_id ORDER BY pid, process_id) AS process_number,
    device_id,
    path,
    kernel,
    row_number() OVER (
        PARTITION BY trace_id, process_id, device_id, path, kernel ORDER BY launched_ns, start_ns, kernel_id
    ) AS instance
FROM placed
