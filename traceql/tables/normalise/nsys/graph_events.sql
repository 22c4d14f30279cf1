-- One row per CUDA graph, clone or executable that was made, told where graphs are traced as a whole.
--
-- The classes of events are those of nsys: 94 GraphExec Creation, 95 Graph Creation, 96 Graph Clone. A clone
-- is recorded twice: when it is created, and then with its original; an executable is made of a graph of its
-- own. Up to 2023.4 a table of this name held nodes: these have no graph.
-- @raw   CUDA_GRAPH_EVENTS
-- @reads start           BIGINT
-- @reads eventClass      INTEGER
-- @reads globalTid       BIGINT
-- @reads graphId         BIGINT
-- @reads originalGraphId BIGINT
-- @reads graphExecId     BIGINT
-- @of    CUDA_GRAPH_EVENTS.graphId
-- @fills graph_events = CUDA_GRAPH_EVENTS WHERE graphId IS NOT NULL

-- Where there are no ranges, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS range_timeline (thread BIGINT, at_ns BIGINT, range_id BIGINT);

INSERT INTO graph_events BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    time_ns,
    CASE eventClass WHEN 94 THEN 'instantiated' WHEN 95 THEN 'created' WHEN 96 THEN 'cloned'
                    ELSE 'class ' || eventClass END AS event,
    graphId AS graph_id,
    originalGraphId AS original_graph_id,
    graphExecId AS graph_exec_id,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    range_timeline.range_id
FROM (
    SELECT *, start - getvariable('origin_ns') AS time_ns FROM raw_CUDA_GRAPH_EVENTS WHERE graphId IS NOT NULL
) AS events
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = events.globalTid AND range_timeline.at_ns <= events.time_ns
ORDER BY time_ns, process_id, graph_id, eventClass
