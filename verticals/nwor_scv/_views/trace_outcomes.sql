-- What is known of the work behind a trace from outside the profiler: tokens and latency.
--
-- A number is the trace's tag of vLLM's name (ingest --tag spec_num_accepted_tokens=272), else that of the
-- imported runs of the trace: those that name it in their tag `trace`, or that share its tags nwor_mode and
-- scv_mode. A run that differs in any tag which both have is another one. Repeated runs are averaged; those
-- of several imported files are not the same measurement, and tell nothing.
-- @column trace_id BIGINT          the trace, see traces
-- @column trace VARCHAR            name of the trace
-- @column latency_s DOUBLE         mean latency (latency_avg_s, avg_latency, latency_s)
-- @column draft_tokens DOUBLE      draft tokens proposed (spec_num_draft_tokens)
-- @column accepted_tokens DOUBLE   of them accepted (spec_num_accepted_tokens)
-- @column acceptance_pct DOUBLE    accepted in percent of proposed (or spec_acceptance_ratio)
-- @column rejected_pct DOUBLE      rejected in percent of proposed
-- @column staged_tokens DOUBLE     tokens that NWOR staged (nwor_tokens_staged)
-- @column committed_tokens DOUBLE  of them written to the KV cache (nwor_tokens_committed)
-- @column writes_saved_pct DOUBLE  staged but not written, in percent of staged

WITH belonging AS (
    SELECT trace_id, run_id, sweep
    FROM traces
    JOIN runs ON runs.tags['trace'] = trace
        OR (runs.tags['nwor_mode'] = traces.tags['nwor_mode']
            AND runs.tags['scv_mode'] = traces.tags['scv_mode'])
    -- Sweeps give one summary per mode; its batches are parts of that.
    WHERE coalesce(runs.tags['scope'], '') <> 'batch'
        AND coalesce(runs.tags['trace'], trace) = trace
        AND len(list_filter(
            map_keys(runs.tags), lambda tag: coalesce(traces.tags[tag] <> runs.tags[tag], false)
        )) = 0
),
numbers AS (
    SELECT
        trace_id,
        metric,
        CASE WHEN count(DISTINCT sweep) = 1 AND count(value) = count(*) THEN avg(value) END AS value,
        2 AS priority
    FROM belonging
    JOIN run_metrics USING (run_id)
    GROUP BY trace_id, metric
    UNION ALL
    SELECT trace_id, tag.key, try_cast(tag.value AS DOUBLE), 1
    FROM (SELECT trace_id, unnest(map_entries(tags)) AS tag FROM traces)
    WHERE isfinite(try_cast(tag.value AS DOUBLE))
),
known AS (
    SELECT trace_id, metric, arg_min(value, priority) AS value FROM numbers GROUP BY trace_id, metric
),
named AS (
    SELECT
        traces.trace_id,
        trace,
        coalesce(
            max(value) FILTER (known.metric = 'latency_avg_s'),
            max(value) FILTER (known.metric = 'avg_latency'),
            max(value) FILTER (known.metric = 'latency_s')
        ) AS latency_s,
        max(value) FILTER (known.metric = 'spec_num_draft_tokens') AS draft_tokens,
        max(value) FILTER (known.metric = 'spec_num_accepted_tokens') AS accepted_tokens,
        max(value) FILTER (known.metric = 'spec_acceptance_ratio') AS acceptance_ratio,
        max(value) FILTER (known.metric = 'nwor_tokens_staged') AS staged_tokens,
        max(value) FILTER (known.metric = 'nwor_tokens_committed') AS committed_tokens
    FROM traces
    LEFT JOIN known USING (trace_id)
    GROUP BY traces.trace_id, trace
)
SELECT
    trace_id,
    trace,
    latency_s,
    draft_tokens,
    accepted_tokens,
    coalesce(percent(accepted_tokens, draft_tokens), 100.0 * acceptance_ratio) AS acceptance_pct,
    100.0 - acceptance_pct AS rejected_pct,
    staged_tokens,
    committed_tokens,
    percent(staged_tokens - committed_tokens, staged_tokens) AS writes_saved_pct
FROM named
