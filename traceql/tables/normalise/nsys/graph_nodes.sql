-- One row per node of CUDA graphs and of executables made of them, with the range that it was captured in.
--
-- A clone is recorded twice: when it is created, without its original, and then with it. Nodes that are never
-- recorded with one are originals. What runs is the node of an executable, a clone; in which range it was
-- captured is told by its original, or by the original's original where graphs hold graphs.
-- Up to 2023.4 the table of nodes was called CUDA_GRAPH_EVENTS, a name that later holds whole graphs: only
-- rows with a node id are nodes.
-- @raw   CUDA_GRAPH_NODE_EVENTS|CUDA_GRAPH_EVENTS
-- @reads start               BIGINT
-- @reads globalTid           BIGINT
-- @reads graphNodeId         BIGINT
-- @reads originalGraphNodeId BIGINT
-- @of    CUDA_GRAPH_NODE_EVENTS
-- @fills graph_nodes

INSERT INTO graph_nodes BY NAME
WITH RECURSIVE nodes AS (
    SELECT
        globalTid & -16777216 AS process_id,
        graphNodeId AS graph_node_id,
        -- A node in a graph of its own would be no clone.
        min(nullif(originalGraphNodeId, graphNodeId)) AS original_graph_node_id,
        min(start) - getvariable('origin_ns') AS created_ns,
        arg_min(globalTid, (start, globalTid)) AS global_tid
    FROM raw_CUDA_GRAPH_NODE_EVENTS
    WHERE graphNodeId IS NOT NULL
    GROUP BY ALL
),
placed AS (
    SELECT nodes.*, range_timeline.range_id
    FROM nodes
    ASOF LEFT JOIN range_timeline
        ON range_timeline.thread = nodes.global_tid AND range_timeline.at_ns <= nodes.created_ns
),
-- Graphs nest a few levels deep; a damaged report may say that nodes are clones of each other.
captured AS (
    SELECT process_id, graph_node_id, original_graph_node_id AS next_id, range_id, 0 AS levels FROM placed
    UNION ALL
    SELECT
        captured.process_id,
        captured.graph_node_id,
        placed.original_graph_node_id,
        coalesce(placed.range_id, captured.range_id),
        levels + 1
    FROM captured
    JOIN placed ON placed.process_id = captured.process_id AND placed.graph_node_id = captured.next_id
    WHERE levels < 16
)
SELECT
    getvariable('trace_id') AS trace_id,
    graph_node_id,
    original_graph_node_id IS NULL AS is_original,
    original_graph_node_id,
    created_ns,
    process_id,
    process_id >> 24 & 16777215 AS pid,
    global_tid & 16777215 AS tid,
    capture_range_id
FROM placed
JOIN (
    SELECT process_id, graph_node_id, arg_max(range_id, levels) AS capture_range_id FROM captured GROUP BY ALL
) USING (process_id, graph_node_id)
ORDER BY created_ns, process_id, graph_node_id
