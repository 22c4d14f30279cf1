-- How do the four modes of NWOR (off, stage) and SCV (off, graph) compare, side by side?
--
-- Each mode has an ncu trace for its traffic, an nsys trace for the host's work in the mask's range, and
-- imported runs for its latency, as far as they exist. Traces tell their mode by the tags nwor_mode and
-- scv_mode, or are named here. The ncu traces must hold the same steps, for their traffic is a sum; host_ns
-- to gpu_ns are what one instance of the range costs on average. With NWOR off, the forks that have SCV run
-- no mask: their range is absent, not free.
-- @param  mode MAP(VARCHAR, VARCHAR[]) = NULL  traces of a mode, NWOR/SCV=TRACE; by default as tagged
-- @param  range VARCHAR = 'scv_compute_mask'  text of the range around the mask
-- @param  exclude VARCHAR[] = NULL  range paths to leave out of the traffic (or patterns)
-- @column measure VARCHAR           what is counted
-- @column off_off DOUBLE            NWOR off, SCV off; NULL if it is not known
-- @column stage_off DOUBLE          NWOR stage, SCV off
-- @column off_graph DOUBLE          NWOR off, SCV graph
-- @column stage_graph DOUBLE        NWOR stage, SCV graph
-- @column stage_off_pct DOUBLE      change from off_off in percent
-- @column off_graph_pct DOUBLE      change from off_off in percent
-- @column stage_graph_pct DOUBLE    change from off_off in percent
-- @column remark VARCHAR            why numbers are NULL; empty if none is
-- @chart  grouped_bars x=measure y=off_off y2=stage_off y3=off_graph y4=stage_graph
-- @title  off_off NWOR off, SCV off
-- @title  stage_off NWOR stage, SCV off
-- @title  off_graph NWOR off, SCV graph
-- @title  stage_graph NWOR stage, SCV graph

WITH modes(mode) AS (
    VALUES ('off/off'), ('stage/off'), ('off/graph'), ('stage/graph')
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
        coalesce(trace_id, error('no trace is called ' || named.name)) AS trace_id,
        has_timeline,
        has_counters
    FROM named
    LEFT JOIN traces ON trace = named.name
    UNION ALL
    SELECT tags['nwor_mode'] || '/' || tags['scv_mode'], trace_id, has_timeline, has_counters
    FROM traces
    WHERE $mode IS NULL
),
left_out AS (
    SELECT unnest($exclude::VARCHAR[]) AS pattern
),
summed AS (
    -- The sum over some kernels is not that over all.
    SELECT trace_id, measure, CASE WHEN count(amount) = count(*) THEN sum(amount) END AS amount
    FROM traffic
    WHERE NOT EXISTS (SELECT 1 FROM left_out WHERE is_like(path, pattern) OR is_like(path, pattern || '/*'))
    GROUP BY trace_id, measure
),
host AS (
    SELECT
        mode,
        host_ns / instances AS host_ns,
        launches / instances AS launches,
        launch_ns / instances AS launch_ns,
        graph_replays / instances AS graph_replays,
        graph_replay_ns / instances AS graph_replay_ns,
        syncs / instances AS syncs,
        kernels / instances AS kernels,
        gpu_ns / instances AS gpu_ns
    FROM chosen
    JOIN range_costs USING (trace_id)
    WHERE range_costs.range = $range AND has_timeline
),
outcomes AS (
    SELECT mode, latency_s, acceptance_pct
    FROM chosen
    JOIN trace_outcomes USING (trace_id)
),
numbers AS (
    SELECT 'ncu' AS source, mode, measure, amount
    FROM chosen
    JOIN summed USING (trace_id)
    WHERE measure NOT IN ('gpu_ns', 'kernels')
    UNION ALL
    SELECT 'ncu', mode, measure || '_per_token', amount / nullif(accepted_tokens, 0)
    FROM chosen
    JOIN summed USING (trace_id)
    JOIN trace_outcomes USING (trace_id)
    UNION ALL
    SELECT 'nsys', mode, measure, amount
    FROM host UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (mode))))
    UNION ALL
    SELECT 'run', mode, measure, amount
    FROM outcomes UNPIVOT INCLUDE NULLS (amount FOR measure IN (COLUMNS(* EXCLUDE (mode))))
),
measures AS (
    SELECT measure, source, row_number() OVER () AS position
    FROM (
        VALUES
            ('dram_write_bytes', 'ncu'), ('dram_read_bytes', 'ncu'), ('l2_write_sectors', 'ncu'),
            ('l2_read_sectors', 'ncu'), ('dram_write_bytes_per_token', 'ncu'), ('host_ns', 'nsys'),
            ('launches', 'nsys'), ('launch_ns', 'nsys'), ('graph_replays', 'nsys'),
            ('graph_replay_ns', 'nsys'), ('syncs', 'nsys'), ('kernels', 'nsys'), ('gpu_ns', 'nsys'),
            ('latency_s', 'run'), ('acceptance_pct', 'run')
    ) AS listed(measure, source)
),
cells AS (
    SELECT
        position,
        measures.measure,
        modes.mode,
        CASE WHEN count(DISTINCT amount) = 1 THEN max(amount) END AS amount,
        CASE
            WHEN count(DISTINCT amount) = 1 THEN NULL
            WHEN count(DISTINCT amount) > 1 THEN 'more than one trace'
            WHEN measures.source <> 'run'
                AND NOT EXISTS (
                    SELECT 1 FROM chosen
                    WHERE chosen.mode = modes.mode AND if(measures.source = 'ncu', has_counters, has_timeline)
                )
                THEN 'no ' || measures.source || ' trace'
            WHEN measures.source = 'nsys' AND count(numbers.mode) = 0 THEN 'no range ' || $range
            WHEN measures.source = 'run' THEN 'no imported run tells'
            WHEN measures.measure LIKE '%token%' THEN 'accepted tokens unknown'
            ELSE 'not measured'
        END AS reason
    FROM measures
    CROSS JOIN modes
    LEFT JOIN numbers ON numbers.measure = measures.measure AND numbers.mode = modes.mode
    GROUP BY position, measures.measure, measures.source, modes.mode
),
explained AS (
    SELECT measure, string_agg(reason || ' (' || found || ')', '; ' ORDER BY reason) AS remark
    FROM (
        SELECT measure, reason, string_agg(mode, ', ' ORDER BY mode) AS found
        FROM cells
        WHERE reason IS NOT NULL
        GROUP BY measure, reason
    )
    GROUP BY measure
)
SELECT
    measure,
    max(amount) FILTER (mode = 'off/off') AS off_off,
    max(amount) FILTER (mode = 'stage/off') AS stage_off,
    max(amount) FILTER (mode = 'off/graph') AS off_graph,
    max(amount) FILTER (mode = 'stage/graph') AS stage_graph,
    percent(stage_off - off_off, off_off) AS stage_off_pct,
    percent(off_graph - off_off, off_off) AS off_graph_pct,
    percent(stage_graph - off_off, off_off) AS stage_graph_pct,
    coalesce(any_value(remark), '') AS remark
FROM cells
LEFT JOIN explained USING (measure)
GROUP BY position, measure
ORDER BY position
