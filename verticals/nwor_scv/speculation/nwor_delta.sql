-- What did a change do to DRAM and L2 traffic, per NVTX range, in total and per accepted token?
--
-- Two ncu traces. The range that does the work may have changed its name (kv_write became nwor_commit): pair
-- the paths. Where a workload flushes caches between steps, leave those ranges out. DRAM and L2 can move in
-- opposite directions, and traffic into other ranges: read them together, and with the total. Fewer bytes are
-- a gain only if as many tokens were accepted; those numbers come from parameters, from tags (ingest --tag
-- spec_num_accepted_tokens=272) or from imported runs of the trace. A workload that commits from where the
-- model left the drafts has no staging copy, and the traffic of one is not in its numbers.
-- @param  baseline VARCHAR               trace before the change
-- @param  variant VARCHAR                trace after it
-- @param  pair MAP(VARCHAR, VARCHAR) = NULL  paths that do the same work, BEFORE=AFTER (or patterns)
-- @param  exclude VARCHAR[] = NULL       paths to leave out everywhere (or patterns)
-- @param  accepted_tokens BIGINT = NULL  of each trace; by default its tag or run spec_num_accepted_tokens
-- @param  draft_tokens BIGINT = NULL     of each trace; by default its tag or run spec_num_draft_tokens
-- @needs  metrics
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @column scope VARCHAR                  pair (as asked), total, or range (any other path)
-- @column path VARCHAR                   the pair, the path of the innermost range, or total
-- @column measure VARCHAR                what is counted
-- @column baseline DOUBLE                sum before; NULL if it was not measured for every kernel
-- @column variant DOUBLE                 sum after
-- @column delta DOUBLE                   after minus before
-- @column delta_pct DOUBLE               change in percent of before
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
--             || 'it, such as the flush of a cache (--exclude PATH).'
--         FROM shares WHERE share_pct >= 20

WITH sides AS (
    SELECT trace_id, trace, side = 'variant' AS is_variant
    FROM compared_traces([$baseline], [$variant])
),
asked AS (
    SELECT entry.key || ' = ' || entry.value AS pair, entry.key AS before, entry.value AS after
    FROM (SELECT unnest(map_entries($pair::MAP(VARCHAR, VARCHAR))) AS entry)
),
left_out AS (
    SELECT unnest($exclude::VARCHAR[]) AS pattern
),
counted AS (
    SELECT is_variant, traffic.* EXCLUDE (trace_id)
    FROM traffic
    JOIN sides USING (trace_id)
    WHERE NOT EXISTS (SELECT 1 FROM left_out WHERE is_like(path, pattern) OR is_like(path, pattern || '/*'))
),
matched AS (
    SELECT pair, counted.*
    FROM counted
    JOIN asked ON is_like(path, if(is_variant, after, before))
        OR is_like(path, if(is_variant, after, before) || '/*')
),
scoped AS (
    SELECT 'pair' AS scope, pair AS path, is_variant, measure, amount FROM matched
    UNION ALL
    SELECT 'total', 'total', is_variant, measure, amount FROM counted
    UNION ALL
    SELECT 'range', if(path = '', '(outside any range)', path), is_variant, measure, amount
    FROM counted
    WHERE (is_variant, kernel_id) NOT IN (SELECT (is_variant, kernel_id) FROM matched)
),
summed AS (
    -- The sum over some kernels is not that over all.
    SELECT scope, path, is_variant, measure, CASE WHEN count(amount) = count(*) THEN sum(amount) END AS amount
    FROM scoped
    GROUP BY scope, path, is_variant, measure
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
            ('dram_write_bytes'), ('dram_read_bytes'), ('l2_write_sectors'), ('l2_read_sectors'), ('gpu_ns'),
            ('kernels')
    ) AS listed(measure)
),
sums AS (
    SELECT
        scope, path, is_variant, trace_id, trace, position, measure, amount,
        CASE
            WHEN summed.measure IS NULL THEN 'no kernel there in ' || trace
            WHEN amount IS NULL THEN 'not measured for every kernel of ' || trace
        END AS reason
    FROM scopes
    CROSS JOIN sides
    CROSS JOIN measures
    LEFT JOIN summed USING (scope, path, is_variant, measure)
),
tokens AS (
    SELECT
        sides.*,
        coalesce($accepted_tokens, accepted_tokens)::DOUBLE AS accepted_tokens,
        coalesce(percent($accepted_tokens, $draft_tokens), acceptance_pct)::DOUBLE
            AS acceptance_pct,
        100.0 - coalesce(percent($accepted_tokens, $draft_tokens), acceptance_pct)::DOUBLE
            AS rejected_pct
    FROM sides
    JOIN trace_outcomes USING (trace_id)
),
figures AS (
    SELECT scope, path, is_variant, position, measure, amount, reason FROM sums
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
    WHERE measure NOT IN ('gpu_ns', 'kernels')
    UNION ALL
    -- Tokens belong to a run, not to a range.
    SELECT
        'total', 'total', is_variant, 20, measure, amount,
        CASE WHEN amount IS NULL
             THEN 'spec_num_accepted_tokens and spec_num_draft_tokens of ' || trace || ' are not known' END
    FROM tokens
    UNPIVOT INCLUDE NULLS (amount FOR measure IN (accepted_tokens, acceptance_pct, rejected_pct))
)
SELECT
    scope,
    path,
    measure,
    max(amount) FILTER (NOT is_variant) AS baseline,
    max(amount) FILTER (is_variant) AS variant,
    variant - baseline AS delta,
    percent(delta, baseline) AS delta_pct,
    coalesce(string_agg(reason, '; ' ORDER BY is_variant), '') AS remark
FROM figures
GROUP BY scope, path, position, measure
ORDER BY list_position(['pair', 'total', 'range'], scope), path, position, measure
