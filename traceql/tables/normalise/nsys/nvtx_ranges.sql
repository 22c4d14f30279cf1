-- One row per NVTX range or mark, with what it caused on the GPU.
--
-- The GPU work of a range is what API calls inside it launched on its thread, as in nsys's projection. Work
-- is summed per innermost range, then over range_ancestors. Time in which several operations ran counts
-- once: of an operation that overlaps the one before it, the common time is taken back from every range that
-- holds both. Only where more than two run at once are operations paired with all ranges around them.
-- Start/end ranges hold the calls of their thread from start to end; one that another thread ended belongs
-- to no thread, so that it has no GPU work (nsys leaves it out as well).
-- @when  nvtx_events
-- @fills nvtx_ranges startend_kernels

CREATE TEMP TABLE launched_operations AS
WITH operations AS (
    SELECT kernel_id, start_ns, end_ns, api_call_id, range_id
    FROM kernels WHERE trace_id = getvariable('trace_id') AND api_call_id IS NOT NULL
    UNION ALL
    SELECT NULL, start_ns, end_ns, api_call_id, range_id
    FROM memory_ops WHERE trace_id = getvariable('trace_id') AND api_call_id IS NOT NULL
    UNION ALL
    SELECT NULL, start_ns, end_ns, api_call_id, range_id
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
    kernel_id,
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

-- Calls in the order of their thread: a start/end range holds those of consecutive numbers.
CREATE TEMP TABLE startend_operations AS
WITH ranges AS (
    SELECT range_id, thread, start_ns, coalesce(end_ns, 9223372036854775807) AS end_ns
    FROM nvtx_events
    WHERE style = 'startend' AND coalesce(end_thread, thread) = thread
),
calls AS (
    SELECT api_call_id, process_id | tid AS thread, api_calls.start_ns,
           row_number() OVER (PARTITION BY process_id, tid ORDER BY api_calls.start_ns, api_call_id) AS place
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id | tid IN (SELECT thread FROM ranges)
),
starts AS (
    SELECT thread, start_ns, max(place) AS place FROM calls GROUP BY thread, start_ns
),
spans AS (
    SELECT
        ranges.range_id,
        ranges.thread,
        coalesce(before.place, 0) + 1 AS first_place,
        last.place AS last_place
    FROM ranges
    ASOF LEFT JOIN starts AS before ON before.thread = ranges.thread AND before.start_ns < ranges.start_ns
    ASOF LEFT JOIN starts AS last ON last.thread = ranges.thread AND last.start_ns < ranges.end_ns
),
held AS (
    SELECT range_id, thread, unnest(range(first_place, last_place + 1)) AS place
    FROM spans
    WHERE last_place >= first_place
)
SELECT held.range_id AS startend_id, launched_operations.*
FROM held
JOIN calls USING (thread, place)
JOIN launched_operations USING (api_call_id);

INSERT INTO startend_kernels BY NAME
SELECT getvariable('trace_id') AS trace_id, startend_id AS range_id, kernel_id
FROM startend_operations
WHERE kernel_id IS NOT NULL;

CREATE TEMP TABLE range_projections AS
WITH own AS (
    SELECT
        range_id,
        count(*) AS operations,
        count(DISTINCT api_call_id) AS launches,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        sum(CASE WHEN is_crowded THEN 0 ELSE end_ns - start_ns END) AS summed_ns
    FROM launched_operations
    WHERE range_id IS NOT NULL
    GROUP BY range_id
),
summed AS (
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
    UNION ALL
    SELECT startend_id, count(*), count(DISTINCT api_call_id), min(start_ns), max(end_ns), 0
    FROM startend_operations
    GROUP BY startend_id
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
paired AS (
    SELECT ancestor_id AS range_id, place, start_ns, end_ns, is_crowded AS counts
    FROM launched_operations
    JOIN range_climbs USING (range_id)
    WHERE crowd IN (SELECT crowd FROM launched_operations WHERE is_crowded)
    UNION ALL
    SELECT startend_id, place, start_ns, end_ns, true FROM startend_operations
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
LEFT JOIN taken_back USING (range_id)
LEFT JOIN crowded USING (range_id);

INSERT INTO nvtx_ranges BY NAME
SELECT
    range_id,
    getvariable('trace_id') AS trace_id,
    text,
    domain,
    category,
    style,
    nvtx_events.start_ns,
    nvtx_events.end_ns,
    nvtx_events.end_ns - nvtx_events.start_ns AS duration_ns,
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
    coalesce(operations, 0) AS gpu_operations,
    coalesce(range_projections.launches, 0) AS launches
FROM nvtx_events
JOIN range_places USING (range_id)
LEFT JOIN range_projections USING (range_id)
