-- What did a change do to DRAM and L2 traffic, per NVTX range, in total and per accepted token?
--
-- Two ncu traces, or runs that hold what ncu counted (by the names of the view named_runs). The range that
-- does the work may have changed its name (kv_write became nwor_commit): pair the paths. DRAM and L2 can move
-- in opposite directions, and traffic into other ranges: read them together, and with the total.
--
-- What a range writes reaches DRAM when the L2 evicts it, perhaps in a later range. Where a workload flushes
-- caches between steps, name those ranges: what they write back is counted (scope with_flush), and what they
-- fill the cache with is not, for that is what they write in both traces; with_flush adds to each total what
-- its flush writes more than the other's. Compare that with kv_rows: the rows of the KV cache that were
-- written, of drafts and of the bonus token that each verification adds. With NWOR off (tag nwor_mode; by
-- default the baseline) these are those of all drafts, with NWOR those committed, or accepted. rows_pct sets
-- bytes against the rows'.
--
-- Fewer bytes are a gain only if as many tokens were accepted; those numbers come from parameters, from tags
-- (ingest --tag spec_num_accepted_tokens=272) or from imported runs of the trace. A workload that commits
-- from where the model left the drafts has no staging copy, and the traffic of one is not in its numbers.
-- @of     runs
-- @param  baseline VARCHAR               trace before the change, or runs
-- @param  variant VARCHAR                trace after it, or runs
-- @param  pair MAP(VARCHAR, VARCHAR) = NULL  paths that do the same work, BEFORE=AFTER (or patterns)
-- @param  flush VARCHAR[] = NULL         paths that only flush caches (or patterns): not in the total
-- @param  exclude VARCHAR[] = NULL       paths to leave out everywhere (or patterns)
-- @param  accepted_tokens BIGINT = NULL  of each trace; by default its tag or run spec_num_accepted_tokens
-- @param  draft_tokens BIGINT = NULL     of each trace; by default its tag or run spec_num_draft_tokens
-- @param  bonus_tokens BIGINT = NULL     of each trace; by default its tag or run spec_num_drafts
-- @param  token_bytes DOUBLE = NULL      bytes of a KV row in all layers; by default tag kv_token_bytes
-- @needs  metrics
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @metrics dram__throughput.avg.pct_of_peak_sustained_elapsed
-- @column scope VARCHAR                  with_flush, pair (as asked), total, flush, or range (any other path)
-- @column path VARCHAR                   the pair, the path of the innermost range, or total
-- @column measure VARCHAR                what is counted
-- @column baseline DOUBLE                sum before; NULL if it was not measured for every kernel
-- @column variant DOUBLE                 sum after
-- @column delta DOUBLE                   after minus before
-- @column delta_pct DOUBLE               change in percent of before
-- @column rows_pct DOUBLE                change of DRAM writes in percent of the bytes of the rows before
-- @column remark VARCHAR                 why a number is NULL; empty if none is
-- @chart  paired_bars x=measure y=baseline y2=variant group=path remark=remark
-- @compared counters 10 Memory traffic by NVTX range | drawn
-- @note   WITH writes AS (FROM answer WHERE measure = 'dram_write_bytes'),
--         shares AS (
--             SELECT
--                 writes.path,
--                 100 * greatest(
--                     nullif(writes.baseline, 0) / total.baseline, nullif(writes.variant, 0) / total.variant
--                 ) AS share_pct
--             FROM writes JOIN writes AS total ON writes.scope = 'range' AND total.scope = 'total'
--         )
--         SELECT 'In the total, and in no pair, are ranges with much of the DRAM writes: '
--             || string_agg(format('{} ({:.0f} %)', path, share_pct), ', ' ORDER BY path)
--             || '. Pair those that do the same work (--pair BEFORE=AFTER), and leave out what is none of '
--             || 'it, such as the flush of a cache (--flush PATH).'
--         FROM shares WHERE share_pct >= 20

WITH sides AS (
    SELECT trace_id, trace, tags, sweep IS NOT NULL AS is_run, is_variant
    FROM measured_sides
    JOIN (VALUES ($baseline, false), ($variant, true)) AS asked(trace, is_variant) USING (trace)
),
asked AS (
    SELECT entry.key || ' = ' || entry.value AS pair, entry.key AS before, entry.value AS after
    FROM (SELECT unnest(map_entries($pair::MAP(VARCHAR, VARCHAR))) AS entry)
),
left_out AS (
    SELECT unnest($exclude::VARCHAR[]) AS pattern
),
flushing AS (
    SELECT unnest($flush::VARCHAR[]) AS pattern
),
counted AS (
    SELECT
        is_variant,
        traffic.* EXCLUDE (trace_id),
        EXISTS (SELECT 1 FROM flushing WHERE is_like(path, pattern) OR is_like(path, pattern || '/*'))
            AS is_flush
    FROM traffic
    JOIN sides USING (trace_id)
    WHERE NOT EXISTS (SELECT 1 FROM left_out WHERE is_like(path, pattern) OR is_like(path, pattern || '/*'))
),
matched AS (
    SELECT pair, counted.*
    FROM counted
    JOIN asked ON is_like(path, if(is_variant, after, before))
        OR is_like(path, if(is_variant, after, before) || '/*')
    WHERE NOT is_flush
),
scoped AS (
    SELECT 'pair' AS scope, pair AS path, is_variant, measure, amount FROM matched
    UNION ALL
    SELECT 'total', 'total', is_variant, measure, amount FROM counted WHERE NOT is_flush
    UNION ALL
    SELECT 'flush', path, is_variant, measure, amount FROM counted WHERE is_flush
    UNION ALL
    SELECT 'range', if(path = '', '(outside any range)', path), is_variant, measure, amount
    FROM counted
    WHERE NOT is_flush AND (is_variant, kernel_id) NOT IN (SELECT (is_variant, kernel_id) FROM matched)
),
summed AS (
    -- The sum over some kernels is not that over all; fsum hardly depends on their order.
    SELECT
        scope, path, is_variant, measure,
        CASE WHEN count(amount) = count(*) THEN fsum(amount) END AS amount
    FROM scoped
    GROUP BY scope, path, is_variant, measure
),
measured AS (
    FROM summed
    UNION ALL
    SELECT
        scope,
        path,
        is_variant,
        'dram_throughput_pct',
        percent(max(amount) FILTER (measure = 'dram_busy_ns'), max(amount) FILTER (measure = 'gpu_ns'))
    FROM summed
    GROUP BY scope, path, is_variant
    UNION ALL
    SELECT 'total', 'total', is_variant, measure, amount
    FROM run_traffic
    JOIN sides USING (trace_id)
    WHERE is_run
),
scopes AS (
    SELECT 'pair' AS scope, pair AS path FROM asked
    UNION
    SELECT 'total', 'total'
    UNION
    SELECT scope, path FROM scoped
),
measures AS (
    SELECT measure, row_number() OVER () AS position
    FROM (
        VALUES
            ('dram_write_bytes'), ('dram_read_bytes'), ('l2_write_sectors'), ('l2_read_sectors'),
            ('dram_throughput_pct'), ('gpu_ns'), ('kernels')
    ) AS listed(measure)
),
sums AS (
    SELECT
        scope, path, is_variant, trace_id, trace, position, measure, amount,
        CASE
            WHEN is_run AND amount IS NULL THEN 'not measured in ' || trace
            WHEN measured.measure IS NULL THEN 'no kernel there in ' || trace
            WHEN amount IS NULL THEN 'not measured for every kernel of ' || trace
        END AS reason
    FROM scopes
    CROSS JOIN sides
    CROSS JOIN measures
    LEFT JOIN measured USING (scope, path, is_variant, measure)
),
flushes AS (
    SELECT
        is_variant,
        count(*) AS kernels,
        CASE WHEN count(amount) = count(*) THEN fsum(amount) END AS amount
    FROM counted
    WHERE is_flush AND measure = 'dram_write_bytes'
    GROUP BY is_variant
),
with_flush AS (
    SELECT
        is_variant,
        -- The same work on both sides: what both write in it is its own.
        count(flushes.amount) OVER () = 2 AND min(kernels) OVER () = max(kernels) OVER () AS is_same,
        CASE WHEN is_same THEN sums.amount + flushes.amount - min(flushes.amount) OVER () END AS amount,
        coalesce(
            reason,
            CASE
                WHEN is_same THEN NULL
                WHEN kernels > 0 AND flushes.amount IS NULL THEN 'not measured for every kernel of ' || trace
                ELSE coalesce(kernels, 0) || ' kernels flush in ' || trace
            END
        ) AS reason
    FROM sums
    LEFT JOIN flushes USING (is_variant)
    WHERE scope = 'total' AND measure = 'dram_write_bytes' AND EXISTS (FROM flushes)
),
given AS (
    SELECT
        sides.*,
        staged_tokens,
        committed_tokens,
        coalesce($accepted_tokens, outcomes.accepted_tokens)::DOUBLE AS accepted_tokens,
        coalesce($draft_tokens, outcomes.draft_tokens)::DOUBLE AS draft_tokens,
        coalesce($bonus_tokens, outcomes.bonus_tokens)::DOUBLE AS bonus_tokens,
        coalesce($token_bytes, outcomes.token_bytes) AS token_bytes,
        coalesce(percent($accepted_tokens, $draft_tokens), outcomes.acceptance_pct)::DOUBLE AS acceptance_pct
    FROM sides
    JOIN trace_outcomes AS outcomes USING (trace_id)
),
tokens AS (
    SELECT
        *,
        100.0 - acceptance_pct AS rejected_pct,
        CASE
            WHEN coalesce(tags['nwor_mode'], if(is_variant, 'stage', 'off')) <> 'stage' THEN draft_tokens
            WHEN staged_tokens > 0 AND $accepted_tokens IS NULL
                THEN draft_tokens - staged_tokens + committed_tokens
            ELSE accepted_tokens
        END + bonus_tokens AS kv_rows,
        kv_rows * token_bytes AS kv_row_bytes
    FROM given
),
figures AS (
    SELECT scope, path, is_variant, position, measure, amount, reason FROM sums
    UNION ALL
    SELECT 'with_flush', 'total and flush', is_variant, 1, 'dram_write_bytes', amount, reason FROM with_flush
    UNION ALL
    SELECT
        scope, path, is_variant, position + 10, measure || '_per_token', amount / nullif(accepted_tokens, 0),
        coalesce(
            reason,
            CASE
                WHEN accepted_tokens IS NULL
                    THEN 'spec_num_accepted_tokens of ' || sums.trace || ' is not known'
                WHEN accepted_tokens = 0 THEN 'no token was accepted in ' || sums.trace
            END
        )
    FROM sums
    JOIN tokens USING (is_variant)
    WHERE measure NOT IN ('dram_throughput_pct', 'gpu_ns', 'kernels') AND scope <> 'flush'
    UNION ALL
    -- Tokens belong to a run, not to a range.
    SELECT
        'total', 'total', is_variant, 20, measure, amount,
        CASE
            WHEN amount IS NOT NULL THEN NULL
            WHEN measure = 'kv_row_bytes' AND token_bytes IS NULL
                THEN 'bytes per token of ' || trace || ' are not known'
            WHEN measure IN ('kv_rows', 'kv_row_bytes')
                THEN 'drafts, accepted or bonus tokens of ' || trace || ' are not known'
            ELSE 'spec_num_accepted_tokens and spec_num_draft_tokens of ' || trace || ' are not known'
        END
    FROM (
        SELECT trace, is_variant, accepted_tokens, acceptance_pct, rejected_pct, kv_rows, kv_row_bytes,
               token_bytes
        FROM tokens
    )
    UNPIVOT INCLUDE NULLS (
        amount FOR measure IN (accepted_tokens, acceptance_pct, rejected_pct, kv_rows, kv_row_bytes)
    )
)
SELECT
    scope,
    path,
    measure,
    max(amount) FILTER (NOT is_variant) AS baseline,
    max(amount) FILTER (is_variant) AS variant,
    variant - baseline AS delta,
    percent(delta, baseline) AS delta_pct,
    CASE WHEN measure IN ('dram_write_bytes', 'kv_row_bytes')
         THEN percent(delta, (SELECT kv_row_bytes FROM tokens WHERE NOT is_variant)) END AS rows_pct,
    coalesce(string_agg(reason, '; ' ORDER BY is_variant), '') AS remark
FROM figures
GROUP BY scope, path, position, measure
ORDER BY list_position(['with_flush', 'pair', 'total', 'flush', 'range'], scope), path, position, measure
