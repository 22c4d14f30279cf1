-- In which ranges is most memory in use?
--
-- For every range of a process, by its text: the most that was in use while one of its instances ran, what
-- was in use when that one began, and how much more it was. Memory of all threads of the process counts.
-- @of     times
-- @unites trace
-- @param  range VARCHAR = '*'     text of a range, or a pattern of it
-- @param  memory VARCHAR = 'GPU memory'  kind of memory, or a pattern of it
-- @param  exact BOOLEAN = true    keep texts apart that differ in numbers alone
-- @param  limit BIGINT = 30       rows per trace; NULL for all
-- @needs  memory_events
-- @needs  nvtx_ranges
-- @column trace VARCHAR           name of the trace
-- @column range VARCHAR           text of the ranges
-- @column pid BIGINT              process
-- @column gpu_id INTEGER          GPU, see gpus; NULL for static memory
-- @column memory_kind VARCHAR     kind of memory, see memory-use
-- @column instances BIGINT        how many ranges
-- @column peak_bytes BIGINT       most that was in use during one of them
-- @column peak_ns BIGINT          when that was so first, from the trace's start
-- @column start_bytes BIGINT      in use when that instance began
-- @column grown_bytes BIGINT      how much more the peak is
-- @column mean_peak_bytes DOUBLE  of all instances
-- @column kept_bytes BIGINT       what all of them left in use more than they found; below 0: less
-- @chart  bars x=range y=peak_bytes

WITH used AS (
    SELECT
        memory_in_use.*,
        dense_rank() OVER (ORDER BY trace_id, process_id, gpu_id NULLS LAST, memory_kind) AS series
    FROM memory_in_use
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(memory_kind, $memory)
),
-- After all events of one moment, and the most within it.
moments AS (
    SELECT
        series,
        time_ns,
        arg_max(in_use_bytes, memory_event_id) AS left_bytes,
        max(in_use_bytes) AS most_bytes
    FROM used
    GROUP BY series, time_ns
),
kinds AS (
    SELECT
        series,
        any_value(trace_id) AS trace_id,
        any_value(trace) AS trace,
        any_value(process_id) AS process_id,
        any_value(pid) AS pid,
        any_value(gpu_id) AS gpu_id,
        any_value(memory_kind) AS memory_kind,
        any_value(before_bytes) AS before_bytes
    FROM used
    GROUP BY series
),
ranges AS (
    SELECT
        series,
        kinds.trace,
        kinds.pid,
        kinds.process_id,
        kinds.gpu_id,
        kinds.memory_kind,
        before_bytes,
        range_id,
        range_called(text, $exact) AS range,
        nvtx_ranges.start_ns,
        nvtx_ranges.end_ns
    FROM nvtx_ranges
    JOIN kinds ON kinds.trace_id = nvtx_ranges.trace_id AND kinds.process_id = nvtx_ranges.process_id
    WHERE nvtx_ranges.end_ns >= nvtx_ranges.start_ns AND is_like(coalesce(text, ''), $range)
),
begun AS (
    SELECT ranges.*, coalesce(moments.left_bytes, before_bytes) AS start_bytes
    FROM ranges
    ASOF LEFT JOIN moments ON moments.series = ranges.series AND moments.time_ns < ranges.start_ns
),
ended AS (
    SELECT ranges.series, ranges.range_id, coalesce(moments.left_bytes, before_bytes) AS end_bytes
    FROM ranges
    ASOF LEFT JOIN moments ON moments.series = ranges.series AND moments.time_ns <= ranges.end_ns
),
within AS (
    SELECT
        ranges.series,
        range_id,
        max(most_bytes) AS most_bytes,
        arg_max(time_ns, (most_bytes, -time_ns)) AS most_ns
    FROM ranges
    JOIN moments
        ON moments.series = ranges.series AND moments.time_ns >= ranges.start_ns
        AND moments.time_ns <= ranges.end_ns
    GROUP BY ranges.series, range_id
),
peaks AS (
    SELECT
        begun.*,
        end_bytes,
        greatest(start_bytes, coalesce(most_bytes, start_bytes)) AS peak_bytes,
        CASE WHEN most_bytes > start_bytes THEN most_ns ELSE start_ns END AS peak_ns
    FROM begun
    JOIN ended USING (series, range_id)
    LEFT JOIN within USING (series, range_id)
)
SELECT
    trace,
    range,
    pid,
    gpu_id,
    memory_kind,
    count(*) AS instances,
    max(peak_bytes)::BIGINT AS peak_bytes,
    arg_max(peak_ns, (peak_bytes, -peak_ns, -range_id)) AS peak_ns,
    arg_max(start_bytes, (peak_bytes, -peak_ns, -range_id))::BIGINT AS start_bytes,
    max(peak_bytes)::BIGINT - arg_max(start_bytes, (peak_bytes, -peak_ns, -range_id))::BIGINT AS grown_bytes,
    avg(peak_bytes) AS mean_peak_bytes,
    sum(end_bytes - start_bytes)::BIGINT AS kept_bytes
FROM peaks
GROUP BY trace, range, pid, process_id, gpu_id, memory_kind
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace
        ORDER BY max(peak_bytes) DESC, grown_bytes DESC, range, pid, process_id, gpu_id, memory_kind
    ),
    $limit
)
ORDER BY trace, peak_bytes DESC, grown_bytes DESC, range, pid, process_id, gpu_id, memory_kind
