-- How busy is each stream and thread, stretch by stretch, where there are too many events to show?
--
-- Of the lanes that timeline_events leaves out: time in equal stretches, max_stretches of all lanes of a
-- trace together. Where nothing ran there is no row.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  max_events BIGINT = 200000     events per trace that are told of one by one, and not here
-- @param  max_stretches BIGINT = 40000   stretches per trace
-- @needs  kernels|nvtx_ranges|memory_ops|graph_launches|api_calls|os_calls timeline
-- @column trace VARCHAR                  name of the trace
-- @column lane_number BIGINT             from the top, from 0
-- @column process VARCHAR                executable and pid, see process_texts
-- @column lane VARCHAR                   GPU and stream, or thread, and what stands there
-- @column layer VARCHAR                  gpu, projected (ranges, on the GPU), range, sync, api or os
-- @column lane_events BIGINT             events of the lane
-- @column start_ns BIGINT                start of the stretch
-- @column duration_ns BIGINT             its length, the same for all of a trace
-- @column busy_ns BIGINT                 time in it with at least one event
-- @column busy_pct DOUBLE                of its length
-- @column events BIGINT                  events that begin in it
-- @column category VARCHAR               what takes most of the busy time, see timeline_events
-- @column name VARCHAR                   of that the longest
-- @column range VARCHAR                  innermost NVTX range around its call; NULL for none
-- @empty  Every event can be shown: traceql query timeline-events

WITH lanes AS (
    SELECT
        *,
        (row_number() OVER (ORDER BY trace_id, lane_number))::INTEGER AS lane_id,
        (last_ns - first_ns) // greatest($max_stretches // count(*) OVER trace, 1) + 1 AS width_ns
    FROM timeline_lanes($trace, $max_events)
    WHERE NOT whole
    WINDOW trace AS (PARTITION BY trace_id)
),
-- Names of kernels are long, and far fewer than kernels.
names AS (
    SELECT
        called_id,
        coalesce(called, operation) AS name,
        CASE WHEN kind = 'kernel' THEN coalesce(category, 'other') ELSE kind END AS category
    FROM (
        SELECT DISTINCT kind, operation, full_name, hash(kind, operation, full_name) AS called_id
        FROM lane_events
        JOIN chosen_traces($trace) AS traces USING (trace_id)
    ) AS events
    LEFT JOIN kernels_called($names, '*') AS named
        ON kind = 'kernel' AND named.name = operation AND named.full_name = events.full_name
    LEFT JOIN kernels_categorised AS categories
        ON kind = 'kernel' AND categories.full_name = events.full_name
),
categories AS (
    SELECT category, row_number() OVER (ORDER BY category) AS category_id
    FROM (SELECT DISTINCT category FROM names)
),
category_numbers AS (
    SELECT called_id, category_id FROM names JOIN categories USING (category)
),
-- Lane and event in numbers, with the category of the event below its own number in the trace and its kind.
numbered AS NOT MATERIALIZED (
    SELECT
        lane_id,
        start_ns,
        end_ns,
        (8 * (event_id & 4294967295) + coalesce(list_position(['kernel', 'memcpy', 'memset'], kind), 0))
            * 65536 + category_id AS event,
        hash(kind, operation, full_name) AS called_id,
        range_id
    FROM lane_events
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN lanes
        ON lanes.trace_id = lane_events.trace_id AND lanes.process_id = lane_events.process_id
        AND lanes.layer = lane_events.layer AND lanes.place_id IS NOT DISTINCT FROM lane_events.place_id
        AND lanes.sublane IS NOT DISTINCT FROM lane_events.sublane
    JOIN category_numbers ON category_numbers.called_id = hash(kind, operation, full_name)
),
-- Sorted once, by all that is kept of them, and then looked at row after row.
in_order AS (
    SELECT lane_id AS lane, start_ns, end_ns, event FROM numbered ORDER BY lane_id, start_ns, end_ns, event
),
-- What others of the lane leave of each event, and the stretch in which it begins.
parts AS (
    SELECT
        lane_id,
        event,
        greatest(start_ns, busy_until_ns) AS begins_ns,
        end_ns,
        first_ns,
        width_ns,
        (start_ns - first_ns) // width_ns AS number,
        first_ns + (number + 1) * width_ns AS until_ns
    FROM one_by_one(in_order) AS turns
    JOIN lanes ON lane_id = turns.lane
),
-- Of parts that lie behind each other, one at most goes on from a stretch into the next.
going_on AS MATERIALIZED (
    SELECT DISTINCT * FROM parts WHERE end_ns > greatest(begins_ns, until_ns)
),
pieces AS (
    SELECT lane_id, event, number, greatest(least(end_ns, until_ns) - begins_ns, 0) AS busy_ns, 1 AS begun
    FROM parts
    UNION ALL
    SELECT lane_id, event, number,
           least(end_ns, first_ns + (number + 1) * width_ns)
               - greatest(begins_ns, first_ns + number * width_ns), 0
    FROM (
        SELECT
            * EXCLUDE (number),
            unnest(range(
                greatest(number + 1, (begins_ns - first_ns) // width_ns),
                (end_ns - 1 - first_ns) // width_ns + 1
            )) AS number
        FROM going_on
    )
),
by_category AS (
    SELECT
        lane_id,
        number,
        event & 65535 AS category_id,
        sum(busy_ns) AS busy_ns,
        sum(begun) AS begun,
        -- One number to compare by: of events that are as long the last one.
        max((busy_ns::HUGEINT << 64) + event) AS longest
    FROM pieces
    GROUP BY lane_id, number, event & 65535
),
stretches AS (
    SELECT
        lane_id,
        number,
        sum(busy_ns)::BIGINT AS busy_ns,
        sum(begun)::BIGINT AS events,
        (arg_max(longest, (busy_ns, -category_id)) & 9223372036854775807)::BIGINT AS event
    FROM by_category
    GROUP BY lane_id, number
),
-- What the longest ones are called is looked for again: they are few.
longest AS (
    SELECT lane_id, event, called_id, range_id
    FROM numbered
    SEMI JOIN stretches USING (lane_id, event)
)
SELECT
    lanes.trace,
    lane_number,
    process,
    lane,
    layer,
    lane_events,
    first_ns + number * width_ns AS start_ns,
    width_ns AS duration_ns,
    busy_ns,
    percent(busy_ns, width_ns) AS busy_pct,
    events,
    names.category,
    name,
    text AS range
FROM stretches
JOIN lanes USING (lane_id)
JOIN longest USING (lane_id, event)
JOIN names ON names.called_id = longest.called_id
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = longest.range_id
ORDER BY lanes.trace, lane_number, lanes.first_ns + number * width_ns
