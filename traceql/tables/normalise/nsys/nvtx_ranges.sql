-- One row per NVTX range or mark, with what it caused on the GPU.
--
-- The GPU work of a range is what API calls inside it launched on its thread, as in nsys's projection. Work
-- is summed per innermost range, then over range_ancestors. Time in which several operations ran counts
-- once: of an operation that overlaps the one before it, the common time is taken back from every range that
-- holds both. Only where more than two run at once are operations paired with all ranges around them.
--
-- What others may have launched for a range is unknown, not 0: see rules/launched_elsewhere.sql.
-- @when  nvtx_events
-- @fills nvtx_ranges

CREATE TEMP TABLE launched_operations AS
WITH operations AS (
    SELECT start_ns, end_ns, api_call_id, range_id
    FROM kernels WHERE trace_id = getvariable('trace_id') AND api_call_id IS NOT NULL
    UNION ALL
    SELECT start_ns, end_ns, api_call_id, range_id
    FROM memory_ops WHERE trace_id = getvariable('trace_id') AND api_call_id IS NOT NULL
    UNION ALL
    SELECT start_ns, end_ns, api_call_id, range_id
    FROM graph_launches WHERE trace_id = getvariable('trace_id') AND api_call_id IS NOT NULL
),
-- In the order of their start: the windows without ORDER BY run along as the rows come.
chained AS (
    SELECT
        *,
        row_number() OVER () AS place,
        lag(covered_until) OVER () AS covered_before,
        lag(covered_until, 2) OVER () AS covered_two_before,
        lag(end_ns) OVER () AS previous_end_ns,
        lag(range_id) OVER () AS previous_range_id
    FROM (
        SELECT *, max(end_ns) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS covered_until
        FROM (FROM operations ORDER BY start_ns, end_ns)
    )
)
SELECT
    place,
    start_ns,
    end_ns,
    api_call_id,
    range_id,
    -- Operations that run at the same time, directly or through others, are of one crowd.
    count(*) FILTER (covered_before IS NULL OR covered_before <= start_ns)
        OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS crowd,
    coalesce(covered_two_before > start_ns, false) AS is_crowded,
    CASE WHEN covered_before > start_ns AND NOT is_crowded
         THEN least(end_ns, previous_end_ns) - start_ns END AS overlap_ns,
    previous_range_id
FROM chained;

-- Ranges that hold calls beside the tree: start/end ranges, and those that cross others. Their operations are
-- all paired with them.
CREATE TEMP TABLE beside_operations AS
WITH held AS (
    SELECT range_id, api_call_id FROM range_calls WHERE trace_id = getvariable('trace_id')
)
SELECT held.range_id AS holder_id, launched_operations.*
FROM held
JOIN launched_operations USING (api_call_id)
UNION ALL
SELECT ancestor_id, launched_operations.*
FROM launched_operations
JOIN range_climbs USING (range_id)
WHERE ancestor_id IN (SELECT range_id FROM held);

CREATE TEMP TABLE range_projections AS
WITH holders AS (
    SELECT DISTINCT holder_id AS range_id FROM beside_operations
),
-- Of calls that launched several operations, which have the call's range: all but one. To count what is
-- distinct would take longer.
beyond_first AS (
    SELECT range_id, sum(operations - 1)::BIGINT AS operations
    FROM (
        SELECT any_value(range_id) AS range_id, count(*) AS operations
        FROM launched_operations
        WHERE range_id IS NOT NULL
        GROUP BY api_call_id
        HAVING count(*) > 1
    )
    GROUP BY range_id
),
own AS (
    SELECT
        range_id,
        in_range.operations,
        in_range.operations - coalesce(beyond_first.operations, 0) AS launches,
        start_ns,
        end_ns,
        summed_ns
    FROM (
        SELECT
            range_id,
            count(*) AS operations,
            min(start_ns) AS start_ns,
            max(end_ns) AS end_ns,
            sum(CASE WHEN is_crowded THEN 0 ELSE end_ns - start_ns END) AS summed_ns
        FROM launched_operations
        WHERE range_id IS NOT NULL
        GROUP BY range_id
    ) AS in_range
    LEFT JOIN beyond_first USING (range_id)
),
nested AS (
    SELECT
        ancestor_id AS range_id,
        sum(operations) AS operations,
        sum(launches) AS launches,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        sum(summed_ns) AS summed_ns
    FROM own
    JOIN range_climbs USING (range_id)
    GROUP BY ancestor_id
),
summed AS (
    FROM nested ANTI JOIN holders USING (range_id)
    UNION ALL
    SELECT holder_id, count(*), count(DISTINCT api_call_id), min(start_ns), max(end_ns), 0
    FROM beside_operations
    GROUP BY holder_id
),
twos AS (
    SELECT range_id, previous_range_id, sum(overlap_ns) AS overlap_ns
    FROM launched_operations
    WHERE overlap_ns > 0 AND range_id IS NOT NULL AND previous_range_id IS NOT NULL
    GROUP BY ALL
),
taken_back AS (
    SELECT climbs.ancestor_id AS range_id, sum(overlap_ns) AS overlap_ns
    FROM twos
    JOIN range_climbs AS climbs ON climbs.range_id = twos.range_id
    JOIN range_climbs AS previous
        ON previous.range_id = twos.previous_range_id AND previous.ancestor_id = climbs.ancestor_id
    GROUP BY climbs.ancestor_id
),
in_crowds AS (
    SELECT ancestor_id AS range_id, place, start_ns, end_ns, is_crowded AS counts
    FROM launched_operations
    JOIN range_climbs USING (range_id)
    WHERE crowd IN (SELECT crowd FROM launched_operations WHERE is_crowded)
),
paired AS (
    FROM in_crowds ANTI JOIN holders USING (range_id)
    UNION ALL
    SELECT holder_id, place, start_ns, end_ns, true FROM beside_operations
),
crowded AS (
    SELECT
        range_id,
        sum(greatest(0, end_ns - greatest(start_ns, coalesce(covered_until, start_ns)))) FILTER (counts)
            AS crowded_ns
    FROM (
        SELECT *, max(end_ns) OVER (PARTITION BY range_id ORDER BY place
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
        FROM paired
    )
    GROUP BY range_id
)
SELECT
    range_id,
    operations,
    launches,
    start_ns,
    end_ns,
    summed_ns - coalesce(overlap_ns, 0) + coalesce(crowded_ns, 0) AS busy_ns
FROM summed
LEFT JOIN (FROM taken_back ANTI JOIN holders USING (range_id)) USING (range_id)
LEFT JOIN crowded USING (range_id);

INSERT INTO nvtx_ranges BY NAME
WITH idle AS (
    SELECT
        range_id,
        getvariable('trace_id') AS trace_id,
        thread & -16777216 AS process_id,
        thread & 16777215 AS tid,
        end_thread & 16777215 AS end_tid,
        start_ns,
        coalesce(end_ns, 9223372036854775807) AS until_ns
    FROM nvtx_events
    ANTI JOIN range_projections USING (range_id)
    WHERE style <> 'mark'
),
launching AS (
    SELECT trace_id, process_id, tid, start_ns, end_ns
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id IN (SELECT process_id FROM idle)
        AND api_call_id IN (SELECT api_call_id FROM launched_operations)
),
elsewhere AS (
    FROM rule_launched_elsewhere
)
SELECT
    range_id,
    getvariable('trace_id') AS trace_id,
    text,
    domain,
    category,
    style,
    nvtx_events.start_ns,
    nvtx_events.end_ns,
    CASE WHEN nvtx_events.end_ns >= nvtx_events.start_ns
         THEN nvtx_events.end_ns - nvtx_events.start_ns END AS duration_ns,
    thread & -16777216 AS process_id,
    thread >> 24 & 16777215 AS pid,
    thread & 16777215 AS tid,
    end_thread & 16777215 AS end_tid,
    color_argb,
    payload,
    parent_id,
    depth,
    path,
    range_projections.start_ns AS gpu_start_ns,
    range_projections.end_ns AS gpu_end_ns,
    busy_ns AS gpu_busy_ns,
    CASE WHEN elsewhere.range_id IS NULL THEN coalesce(operations, 0) END AS gpu_operations,
    CASE WHEN elsewhere.range_id IS NULL THEN coalesce(range_projections.launches, 0) END AS launches
FROM nvtx_events
JOIN range_places USING (range_id)
LEFT JOIN range_projections USING (range_id)
LEFT JOIN elsewhere USING (range_id)
