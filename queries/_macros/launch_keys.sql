-- Each kernel launch under a key that finds it in another recording of the same work, by nsys or by ncu.
--
-- The key is (process_number, device_id, path, kernel, instance). The path is that of NVTX ranges in every
-- domain: nsys nests the ranges of a thread across domains, ncu keeps a stack per domain, so that only the
-- ranges of one domain in their order are the same in both. Start/end ranges are no part of it, nor are those
-- of NCCL: ncu takes the range in which a communicator is made for open ever after, and kernels are called
-- after their collectives anyway. Launches that share the rest of the key are numbered in the order of their
-- launch.
-- Columns: those of the view kernel_keys.
-- @param  named TABLE  what kernels are called: rows of kernels_called

WITH _named AS (
    FROM query_table(named)
),
crossing AS (
    SELECT DISTINCT api_call_id
    FROM range_calls
    JOIN nvtx_ranges USING (range_id)
    WHERE style = 'pushpop'
),
-- All calls of a range are in the same ranges, but for those that lie in ranges that cross it, too.
holders AS (
    SELECT range_id, NULL::BIGINT AS api_call_id, ancestor_id AS holder_id FROM range_ancestors
    UNION ALL
    SELECT api_calls.range_id, api_call_id, ancestor_id
    FROM api_calls
    SEMI JOIN crossing USING (api_call_id)
    JOIN range_ancestors ON range_ancestors.range_id = api_calls.range_id
    UNION ALL
    SELECT api_calls.range_id, api_call_id, range_calls.range_id
    FROM range_calls
    JOIN api_calls USING (api_call_id)
),
nsys_paths AS (
    SELECT
        holders.range_id,
        api_call_id,
        domain,
        string_agg(coalesce(text, ''), '/' ORDER BY start_ns, end_ns DESC NULLS FIRST, holder_id) AS path
    FROM holders
    JOIN nvtx_ranges ON nvtx_ranges.range_id = holder_id AND style = 'pushpop'
    WHERE domain <> 'NCCL'
    GROUP BY ALL
),
nsys_places AS (
    SELECT
        range_id,
        api_call_id,
        string_agg(CASE domain WHEN '' THEN path ELSE domain || ': ' || path END, ' | ' ORDER BY domain)
            AS place
    FROM nsys_paths
    GROUP BY range_id, api_call_id
),
ncu_paths AS (
    SELECT kernel_id, domain, arg_max(path, depth) AS path
    FROM ncu_ranges
    WHERE style = 'pushpop' AND domain <> 'NCCL'
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
        trace,
        kernel_id,
        kernels.process_id,
        kernels.pid,
        device_id,
        coalesce(place, '') AS path,
        kernels.name,
        coalesce(demangled, kernels.name) AS full_name,
        coalesce(api_calls.start_ns, kernels.start_ns) AS launched_ns,
        kernels.start_ns
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND has_timeline
    LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    LEFT JOIN crossing ON crossing.api_call_id = kernels.api_call_id
    LEFT JOIN nsys_places ON nsys_places.range_id = kernels.range_id
        AND nsys_places.api_call_id IS NOT DISTINCT FROM crossing.api_call_id
    UNION ALL
    SELECT
        profiler,
        kernels.trace_id,
        trace,
        kernel_id,
        process_id,
        pid,
        device_id,
        coalesce(place, ''),
        kernels.name,
        coalesce(demangled, kernels.name),
        NULL,
        NULL
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND NOT has_timeline
    LEFT JOIN ncu_places USING (kernel_id)
)
SELECT
    profiler,
    trace_id,
    trace,
    kernel_id,
    -- Of a job ncu may have profiled one rank alone: its device tells it.
    dense_rank() OVER (PARTITION BY trace_id, device_id ORDER BY pid, process_id) AS process_number,
    device_id,
    path,
    called AS kernel,
    row_number() OVER (
        PARTITION BY trace_id, process_id, device_id, path, called ORDER BY launched_ns, start_ns, kernel_id
    ) AS instance
FROM placed
LEFT JOIN _named AS names
    ON names.name = placed.name AND names.full_name = placed.full_name
