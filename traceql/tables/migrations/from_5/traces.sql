-- What version 6 has tables for was not stored before; clusters of ncu are in its metrics.
-- nsys has them as of 2026.2: what an older one recorded or exported is no table that was left out.

SELECT * EXCLUDE (lacking, is_older) REPLACE (
    list_concat(missing, lacking) AS missing,
    CASE WHEN profiler = 'nsys'
         THEN list_concat(
             unread,
             [
                 one || ' (not stored by an older traceql)'
                 FOR one IN lacking IF NOT (one = 'kernel_clusters' AND is_older)
             ]
         )
         ELSE unread END AS unread
)
FROM (
    SELECT
        *,
        CASE
            WHEN profiler = 'nsys' THEN ['kernel_clusters', 'graph_events', 'contexts']
            WHEN trace_id IN (SELECT trace_id FROM old.metrics WHERE metric = 'launch__cluster_dim_x') THEN []
            ELSE ['kernel_clusters']
        END AS lacking,
        coalesce(
            [
                try_cast(part AS INTEGER)
                FOR part IN string_split(coalesce(tool_version, settings ->> '$.exported_by'), '.')[1:2]
            ] < [2026, 2],
            false
        ) AS is_older
    FROM old.traces
)
