-- What is known of the work behind a trace, or behind runs without one: tokens and latency.
--
-- The numbers of the view outside_numbers that have these names in vLLM.
-- @column trace_id BIGINT          the trace or runs, see measured_sides
-- @column trace VARCHAR            name of the trace or runs
-- @column latency_s DOUBLE         mean latency (latency_avg_s, avg_latency, latency_s)
-- @column median_latency_s DOUBLE  median latency (latency_p50_s, latency_p50, or of the repetitions of
--         latency, latency_s)
-- @column draft_tokens DOUBLE      draft tokens proposed (spec_num_draft_tokens)
-- @column accepted_tokens DOUBLE   of them accepted (spec_num_accepted_tokens)
-- @column acceptance_pct DOUBLE    accepted in percent of proposed (or spec_acceptance_ratio)
-- @column rejected_pct DOUBLE      rejected in percent of proposed
-- @column bonus_tokens DOUBLE      tokens that verifications add to their drafts, and never reject: one each
--         (spec_num_drafts; else draft tokens ÷ those of one, the tag draft_tokens or drafts)
-- @column staged_tokens DOUBLE     tokens that NWOR staged (nwor_tokens_staged)
-- @column committed_tokens DOUBLE  of them written to the KV cache (nwor_tokens_committed)
-- @column token_bytes DOUBLE       bytes of a KV row in all layers (tag kv_token_bytes)
-- @column writes_saved_pct DOUBLE  staged but not written, in percent of staged

WITH named AS (
    SELECT
        sides.trace_id,
        sides.trace,
        coalesce(
            max(value) FILTER (metric = 'latency_avg_s'),
            max(value) FILTER (metric = 'avg_latency'),
            max(value) FILTER (metric = 'latency_s')
        ) AS latency_s,
        coalesce(
            max(value) FILTER (metric = 'latency_p50_s'),
            max(value) FILTER (metric = 'latency_p50'),
            max(median) FILTER (metric = 'latency'),
            max(median) FILTER (metric = 'latency_s')
        ) AS median_latency_s,
        max(value) FILTER (metric = 'spec_num_draft_tokens') AS draft_tokens,
        max(value) FILTER (metric = 'spec_num_accepted_tokens') AS accepted_tokens,
        max(value) FILTER (metric = 'spec_acceptance_ratio') AS acceptance_ratio,
        max(value) FILTER (metric = 'spec_num_drafts') AS verifications,
        coalesce(
            max(value) FILTER (metric = 'draft_tokens'), max(value) FILTER (metric = 'drafts')
        ) AS drafts_of_one,
        max(value) FILTER (metric = 'kv_token_bytes') AS token_bytes,
        max(value) FILTER (metric = 'nwor_tokens_staged') AS staged_tokens,
        max(value) FILTER (metric = 'nwor_tokens_committed') AS committed_tokens
    FROM measured_sides AS sides
    LEFT JOIN outside_numbers USING (trace_id)
    GROUP BY sides.trace_id, sides.trace
)
SELECT
    trace_id,
    trace,
    latency_s,
    median_latency_s,
    draft_tokens,
    accepted_tokens,
    coalesce(percent(accepted_tokens, draft_tokens), 100.0 * acceptance_ratio) AS acceptance_pct,
    100.0 - acceptance_pct AS rejected_pct,
    coalesce(verifications, draft_tokens / nullif(drafts_of_one, 0)) AS bonus_tokens,
    staged_tokens,
    committed_tokens,
    token_bytes,
    percent(staged_tokens - committed_tokens, staged_tokens) AS writes_saved_pct
FROM named
