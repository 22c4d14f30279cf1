-- What version 6 has tables for was not stored before; clusters of ncu are in its metrics.

SELECT * EXCLUDE (unstored) REPLACE (
    list_concat(missing, unstored) AS missing,
    CASE WHEN profiler = 'nsys'
         THEN list_concat(unread, [one || ' (not stored by an older traceql)' FOR one IN unstored])
         ELSE unread END AS unread
)
FROM (
    SELECT
        *,
        CASE
            WHEN profiler = 'nsys' THEN ['kernel_clusters', 'graph_events', 'contexts']
            WHEN trace_id IN (SELECT trace_id FROM old.metrics WHERE metric = 'launch__cluster_dim_x') THEN []
            ELSE ['kernel_clusters']
        END AS unstored
    FROM old.traces
)
