-- One row per CUDA graph node at its creation.
--
-- Up to 2023.4 the table of nodes was called CUDA_GRAPH_EVENTS, a name that later holds whole graphs: only
-- rows with a node id are nodes.
-- @raw   CUDA_GRAPH_NODE_EVENTS|CUDA_GRAPH_EVENTS
-- @reads start               BIGINT
-- @reads globalTid           BIGINT
-- @reads graphNodeId         BIGINT
-- @reads originalGraphNodeId BIGINT
-- @of    CUDA_GRAPH_NODE_EVENTS
-- @fills graph_nodes = CUDA_GRAPH_NODE_EVENTS WHERE graphNodeId IS NOT NULL

INSERT INTO graph_nodes BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    graphNodeId AS graph_node_id,
    originalGraphNodeId AS original_graph_node_id,
    start - getvariable('origin_ns') AS created_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid
FROM raw_CUDA_GRAPH_NODE_EVENTS
WHERE graphNodeId IS NOT NULL
