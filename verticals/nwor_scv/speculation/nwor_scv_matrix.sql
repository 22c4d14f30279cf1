-- How do the four modes of NWOR (off, stage) and SCV (off, graph) compare, side by side?
--
-- Each mode has an ncu trace for its traffic, an nsys trace for the host's work in the mask's range, and
-- imported runs for its latency, as far as they exist; runs tell traffic, too, if they hold what ncu counted.
-- Traces and runs tell their mode by the tags nwor_mode and scv_mode, or are named here (runs as in the view
-- named_runs, or by their sweep alone); what a trace tells comes before runs. The ncu traces must hold the
-- same steps, for their traffic is a sum; with a flush it is as in nwor_delta, of what all modes write in it
-- the least is its own. host_ns to gpu_ns are what one instance of the range costs on average, or in the
-- median. With NWOR off, the forks that have SCV run no mask: their range is absent, not free. Sides
-- that differ in a tag which both have, other than the modes (model, requests …), did not do the same work:
-- what they measured is NULL.
-- @of     runs
-- @param  mode MAP(VARCHAR, VARCHAR[]) = NULL  traces or runs of a mode, NWOR/SCV=NAME; by default as tagged
-- @param  range VARCHAR = 'scv_compute_mask'  text of the range around the mask
-- @param  flush VARCHAR[] = NULL    range paths that only flush caches (or patterns)
-- @param  exclude VARCHAR[] = NULL  range paths to leave out of the traffic (or patterns)
-- @column measure VARCHAR           what is counted
-- @column off_off DOUBLE            NWOR off, SCV off; NULL if it is not known
-- @column stage_off DOUBLE          NWOR stage, SCV off
-- @column off_graph DOUBLE          NWOR off, SCV graph
-- @column stage_graph DOUBLE        NWOR stage, SCV graph
-- @column stage_off_pct DOUBLE      change from off_off in percent
-- @column off_graph_pct DOUBLE      change from off_off in percent
-- @column stage_graph_pct DOUBLE    change from off_off in percent
-- @column remark VARCHAR            why numbers are NULL, or too large; empty if none is
-- @chart  grouped_bars x=measure y=off_off y2=stage_off y3=off_graph y4=stage_graph
-- @title  off_off NWOR off, SCV off
-- @title  stage_off NWOR stage, SCV off
-- @title  off_graph NWOR off, SCV graph
-- @title  stage_graph NWOR stage, SCV graph

WITH modes(mode) AS (
    VALUES ('off/off'), ('stage/off'), ('off/graph'), ('stage/graph')
),
labelled AS (
    SELECT *, tags['nwor_mode'] || '/' || tags['scv_mode'] AS tagged FROM measured_sides
),
named AS (
    SELECT
        CASE WHEN entry.key IN (FROM modes) THEN entry.key
             ELSE error('mode must be one of off/off, stage/off, off/graph, stage/graph') END AS mode,
        unnest(entry.value) AS name
    FROM (SELECT unnest(map_entries($mode::MAP(VARCHAR, VARCHAR[]))) AS entry)
),
chosen AS (
    SELECT
        mode,
        coalesce(trace_id, error('no trace is called ' || named.name || ', and no run')) AS trace_id,
        sweep IS NOT NULL AS is_run,
        has_timeline,
        has_counters
    FROM named
    LEFT JOIN labelled ON trace = named.name OR (sweep = named.name AND tagged = mode)
    UNION ALL
    SELECT tagged, trace_id, sweep IS NOT NULL, has_timeline, has_counters
    FROM labelled
    WHERE $mode IS NULL
),
left_out AS (
    SELECT unnest($exclude::VARCHAR[]) AS pattern
),
flushing AS (
    SELECT unnest($flush::VARCHAR[]) AS pattern
),
counted AS (
    SELECT
        trace_id,
        EXISTS (SELECT 1 FROM flushing WHERE is_like(path, pattern) OR is_like(path, pattern || '/*'))
            AS is_flush,
        measure,
        amount
    FROM traffic
    WHERE trace_id IN (SELECT trace_id FROM chosen WHERE mode IN (FROM modes)) AND NOT EXISTS (
        SELECT 1 FROM left_out WHERE is_like(path, pattern) OR is_like(path, pattern || '/*')
    )
),
summed AS (
    -- The sum over some kernels is not that over all; fsum hardly depends on their order.
    SELECT
        trace_id, is_flush, measure,
        CASE WHEN count(amount) = count(*) THEN fsum(amount) END AS amount,
        count(*) AS kernels
    FROM counted
    GROUP BY trace_id, is_flush, measure
),
with_flush AS (
    SELECT
        trace_id,
        summed.amount + flushes.amount - min(flushes.amount) OVER () AS amount,
        min(flushes.kernels) OVER () = max(flushes.kernels) OVER () AS is_same
    FROM summed
    JOIN summed AS flushes USING (trace_id, measure)
    WHERE measure = 'dram_write_bytes' AND NOT summed.is_flush AND flushes.is_flush
),
counters AS (
    SELECT trace_id, measure, amount FROM summed WHERE NOT is_flush AND measure NOT IN ('gpu_ns', 'kernels')
    UNION ALL
    SELECT
        trace_id,
        'dram_throughput_pct',
        percent(max(amount) FILTER (measure = 'dram_busy_ns'), max(amount) FILTER (measure = 'gpu_ns'))
    FROM summed
    WHERE NOT is_flush
    GROUP BY trace_id
    UNION ALL
    SELECT trace_id, 'dram_write_bytes_with_flush', CASE WHEN is_same THEN amount END FROM with_flush
    UNION ALL
    SELECT trace_id, measure, amount
    FROM run_traffic
    WHERE trace_id IN (SELECT trace_id FROM chosen WHERE is_run)
),
host AS (
    SELECT
        mode,
        trace_id,
        host_ns / instances AS host_ns,
        median_host_ns,
        launches / instances AS launches,
        launch_ns / instances AS launch_ns,
        median_launch_ns,
        graph_replays / instances AS graph_replays,
        graph_replay_ns / instances AS graph_replay_ns,
        median_graph_replay_ns,
        replays_by_node / instances AS replays_by_node,
        syncs / instances AS syncs,
        kernels / instances AS kernels,
        gpu_ns / instances AS gpu_ns,
        median_gpu_ns
    FROM chosen
    JOIN range_costs USING (trace_id)
    WHERE range_costs.range = $range AND has_timeline
),
outcomes AS (
    SELECT mode, trace_id, is_run, latency_s, median_latency_s, acceptance_pct
    FROM chosen
    JOIN trace_outcomes USING (trace_id)
),
numbers AS (
    SELECT 'ncu' AS source, mode, trace_id, is_run, measure, amount
    FROM chosen
    JOIN counters USING (trace_id)
    UNION ALL
    SELECT 'ncu', mode, trace_id, is_run, measure || '_per_token', amount / nullif(accepted_tokens, 0)
    FROM chosen
    JOIN counters USING (trace_id)
    JOIN trace_outcomes USING (trace_id)
    UNION ALL
    SELECT 'nsys', mode, trace_id, false, measure, amount
    FROM host UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (mode, trace_id))))
    UNION ALL
    SELECT 'run', mode, trace_id, is_run, measure, amount
    FROM outcomes
    UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (mode, trace_id, is_run))))
),
telling AS (
    -- Of traces, if one tells; else of runs.
    SELECT
        *,
        amount IS NOT NULL
            AND (NOT is_run OR bool_and(is_run OR amount IS NULL) OVER (PARTITION BY measure, mode)) AS tells
    FROM numbers
),
settings AS (
    SELECT DISTINCT trace_id, is_of_run, tag.key AS tag, tag.value AS value
    FROM (
        SELECT trace_id, false AS is_of_run, unnest(map_entries(tags)) AS tag FROM measured_sides
        UNION ALL
        SELECT trace_id, true, unnest(map_entries(tags)) FROM runs_of_sides
    )
    -- What says which side it is, and what was measured, is no setting.
    WHERE tag.key NOT IN ('trace', 'mode', 'scope', 'run', 'seed')
        AND NOT regexp_matches(tag.key, '^(nwor|scv)(_|$)|^spec_(num|acceptance)_|latency')
),
measures AS (
    SELECT measure, source, row_number() OVER () AS position
    FROM (
        VALUES
            ('dram_write_bytes', 'ncu'), ('dram_write_bytes_with_flush', 'ncu'), ('dram_read_bytes', 'ncu'),
            ('l2_write_sectors', 'ncu'), ('l2_read_sectors', 'ncu'), ('dram_throughput_pct', 'ncu'),
            ('dram_write_bytes_per_token', 'ncu'), ('host_ns', 'nsys'), ('median_host_ns', 'nsys'),
            ('launches', 'nsys'), ('launch_ns', 'nsys'), ('median_launch_ns', 'nsys'),
            ('graph_replays', 'nsys'), ('graph_replay_ns', 'nsys'), ('median_graph_replay_ns', 'nsys'),
            ('replays_by_node', 'nsys'), ('syncs', 'nsys'), ('kernels', 'nsys'), ('gpu_ns', 'nsys'),
            ('median_gpu_ns', 'nsys'), ('latency_s', 'run'), ('median_latency_s', 'run'),
            ('acceptance_pct', 'run')
    ) AS listed(measure, source)
),
cells AS (
    SELECT
        position,
        measures.measure,
        modes.mode,
        -- Two traces of one mode may have their number from the same runs.
        CASE WHEN measures.source = 'run' AND bool_or(tells AND NOT is_run)
             THEN count(DISTINCT amount) FILTER (tells)
             ELSE count(DISTINCT trace_id) FILTER (tells) END AS told,
        CASE WHEN told = 1 THEN max(amount) FILTER (tells) END AS amount,
        CASE
            WHEN told > 1 THEN 'more than one trace or run'
            WHEN told = 1 THEN NULL
            WHEN measures.measure = 'dram_write_bytes_with_flush' AND NOT EXISTS (FROM with_flush)
                THEN 'no flush'
            WHEN measures.source <> 'run'
                AND NOT EXISTS (
                    SELECT 1 FROM chosen
                    WHERE chosen.mode = modes.mode AND if(measures.source = 'ncu', has_counters, has_timeline)
                )
                THEN 'no ' || measures.source || ' trace'
            WHEN measures.source = 'nsys' AND count(telling.mode) = 0 THEN 'no range ' || $range
            WHEN measures.source = 'run' THEN 'no imported run tells'
            WHEN measures.measure LIKE '%token%' THEN 'accepted tokens unknown'
            ELSE 'not measured'
        END AS reason
    FROM measures
    CROSS JOIN modes
    LEFT JOIN telling ON telling.measure = measures.measure AND telling.mode = modes.mode
    GROUP BY position, measures.measure, measures.source, modes.mode
),
differing AS (
    SELECT measure, string_agg(tag, ', ' ORDER BY tag) AS tags
    FROM (
        SELECT measure, tag
        FROM telling
        JOIN cells USING (measure, mode)
        JOIN settings USING (trace_id)
        -- What profilers count depends on no run.
        WHERE tells AND told = 1 AND (NOT is_of_run OR source = 'run' OR measure LIKE '%token%')
        GROUP BY measure, tag
        HAVING count(DISTINCT value) > 1
    )
    GROUP BY measure
),
reasons AS (
    SELECT measure, mode, reason FROM cells WHERE reason IS NOT NULL
    UNION ALL
    SELECT measure, mode, 'not of the same ' || tags FROM cells JOIN differing USING (measure) WHERE told = 1
    UNION ALL
    SELECT cells.measure, mode, 'with the tracing of every node of a graph'
    FROM cells
    JOIN cells AS replays USING (mode)
    WHERE cells.measure IN ('host_ns', 'median_host_ns', 'graph_replay_ns', 'median_graph_replay_ns')
        AND replays.measure = 'replays_by_node' AND replays.amount > 0
),
explained AS (
    SELECT measure, string_agg(reason || ' (' || found || ')', '; ' ORDER BY reason) AS remark
    FROM (
        SELECT measure, reason, string_agg(mode, ', ' ORDER BY mode) AS found
        FROM reasons
        GROUP BY measure, reason
    )
    GROUP BY measure
)
SELECT
    measure,
    max(amount) FILTER (mode = 'off/off' AND is_alike) AS off_off,
    max(amount) FILTER (mode = 'stage/off' AND is_alike) AS stage_off,
    max(amount) FILTER (mode = 'off/graph' AND is_alike) AS off_graph,
    max(amount) FILTER (mode = 'stage/graph' AND is_alike) AS stage_graph,
    percent(stage_off - off_off, off_off) AS stage_off_pct,
    percent(off_graph - off_off, off_off) AS off_graph_pct,
    percent(stage_graph - off_off, off_off) AS stage_graph_pct,
    coalesce(any_value(remark), '') AS remark
FROM (SELECT *, measure NOT IN (SELECT measure FROM differing) AS is_alike FROM cells)
LEFT JOIN explained USING (measure)
GROUP BY position, measure
ORDER BY position
