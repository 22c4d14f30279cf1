-- What did the hardware counters of each kernel on the timeline say?
--
-- Joins a timeline (nsys) with the counters (ncu) of the same launch in another recording of the same work,
-- as the macro launch_keys aligns them: same process, device, NVTX path in every domain but NCCL's, kernel
-- name and number of the launch. Launches that only one of them holds are listed, too. The numbers agree if
-- both recordings begin with the same launch: not with ncu --launch-skip, nor if only one of them recorded a
-- warm-up. ncu runs each kernel alone, and may flush caches and lock clocks: compare duration_ns with
-- profiled_ns before using a rate.
-- @param  timeline VARCHAR             nsys trace
-- @param  counters VARCHAR             ncu trace
-- @param  metric VARCHAR = 'dram__throughput.avg.pct_of_peak_sustained_elapsed'  a metric more
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics kernels
-- @metrics dram__bytes_read.sum dram__bytes_write.sum
-- @column path VARCHAR                 NVTX path in the default domain, then those of others; empty outside
-- @column kernel VARCHAR               name of the kernel
-- @column process_number BIGINT        1 for the process with the lowest pid on the device, 2 …
-- @column device_id INTEGER            CUDA device ordinal
-- @column instance BIGINT              which of the launches of that kernel with that path
-- @column found_in VARCHAR             both, timeline only or counters only
-- @column start_ns BIGINT              start on the timeline
-- @column duration_ns BIGINT           time on the timeline
-- @column profiled_ns BIGINT           time under ncu
-- @column dram_read_bytes DOUBLE       bytes read from DRAM; NULL if not matched or not measured
-- @column dram_write_bytes DOUBLE      bytes written to DRAM
-- @column l2_read_sectors DOUBLE       sectors of 32 bytes read from L2
-- @column l2_write_sectors DOUBLE      sectors written to L2
-- @column dram_bytes_per_s DOUBLE      DRAM bytes ÷ time on the timeline
-- @column metric_unit VARCHAR          unit of the chosen metric
-- @column metric_value DOUBLE          its value
-- @column kernel_id BIGINT             the launch on the timeline, see kernels
-- @column profiled_kernel_id BIGINT    the launch under ncu
-- @column kernel_matched_pct DOUBLE    share of the kernel's launches on the timeline that have counters
-- @column kernel_matched_time_pct DOUBLE  the same of their time
-- @column timeline_matched_pct DOUBLE  share of all launches of the timeline that have counters
-- @column timeline_matched_time_pct DOUBLE  the same of their time
-- @column counters_matched_pct DOUBLE  share of all profiled launches that the timeline holds
-- @note   SELECT format(
-- @note   '{:,} of {:,} launches of the timeline have counters, {:.1f} % of their time; ',
-- @note   count(*) FILTER (found_in = 'both'), count(kernel_id), coalesce(max(timeline_matched_time_pct), 0)
-- @note   ) || format(
-- @note   '{:,} of {:,} profiled launches are on it.',
-- @note   count(*) FILTER (found_in = 'both'), count(profiled_kernel_id)
-- @note   ) FROM answer
-- @note   UNION ALL
-- @note   SELECT 'No profiled launch lies in an NVTX range, as those of the timeline do: '
-- @note   || 'ncu --nvtx records them.'
-- @note   FROM answer
-- @note   HAVING count(profiled_kernel_id) > 0 AND count_if(found_in <> 'timeline only' AND path <> '') = 0
-- @note   AND count_if(path <> '') > 0
-- @note   UNION ALL FROM (
-- @note   SELECT format('Most of the time without counters, {:.1f} % of the timeline''s, is of {}: ',
-- @note   100 * sum(duration_ns) FILTER (found_in = 'timeline only') / any_value(all_ns), kernel)
-- @note   || 'traceql query ncu-command says how to profile a launch of it.'
-- @note   FROM answer, (SELECT sum(duration_ns) AS all_ns FROM answer) GROUP BY kernel
-- @note   HAVING sum(duration_ns) FILTER (found_in = 'timeline only') > 0
-- @note   ORDER BY sum(duration_ns) FILTER (found_in = 'timeline only') DESC, kernel LIMIT 1)
-- @chart  scatter x=start_ns y=dram_bytes_per_s

WITH named AS (
    FROM kernels_called($names, '*')
),
keys AS (
    FROM launch_keys('named')
),
seen AS (
    SELECT keys.*, start_ns, duration_ns
    FROM keys
    JOIN kernels USING (kernel_id)
    WHERE keys.trace_id IN (SELECT trace_id FROM chosen_traces($timeline) WHERE has_timeline)
),
profiled AS (
    SELECT
        keys.*,
        dram.duration_ns,
        dram_read_bytes,
        dram_write_bytes,
        dram_bytes,
        l2_read_sectors,
        l2_write_sectors,
        chosen.unit,
        chosen.value
    FROM keys
    JOIN dram USING (kernel_id)
    LEFT JOIN metrics AS chosen ON chosen.kernel_id = keys.kernel_id AND chosen.metric = $metric
    WHERE keys.trace_id IN (SELECT trace_id FROM chosen_traces($counters) WHERE has_counters)
)
SELECT
    path,
    kernel,
    process_number,
    device_id,
    instance,
    CASE WHEN profiled.kernel_id IS NULL THEN 'timeline only'
         WHEN seen.kernel_id IS NULL THEN 'counters only'
         ELSE 'both' END AS found_in,
    start_ns,
    seen.duration_ns,
    profiled.duration_ns AS profiled_ns,
    dram_read_bytes,
    dram_write_bytes,
    l2_read_sectors,
    l2_write_sectors,
    per_second(dram_bytes, seen.duration_ns) AS dram_bytes_per_s,
    unit AS metric_unit,
    value AS metric_value,
    seen.kernel_id,
    profiled.kernel_id AS profiled_kernel_id,
    percent(
        count(profiled.kernel_id) FILTER (seen.kernel_id IS NOT NULL) OVER of_kernel,
        count(seen.kernel_id) OVER of_kernel
    ) AS kernel_matched_pct,
    percent(
        coalesce(sum(seen.duration_ns) FILTER (profiled.kernel_id IS NOT NULL) OVER of_kernel, 0),
        sum(seen.duration_ns) OVER of_kernel
    ) AS kernel_matched_time_pct,
    percent(
        count(profiled.kernel_id) FILTER (seen.kernel_id IS NOT NULL) OVER (),
        count(seen.kernel_id) OVER ()
    ) AS timeline_matched_pct,
    percent(
        coalesce(sum(seen.duration_ns) FILTER (profiled.kernel_id IS NOT NULL) OVER (), 0),
        sum(seen.duration_ns) OVER ()
    ) AS timeline_matched_time_pct,
    percent(
        count(profiled.kernel_id) FILTER (seen.kernel_id IS NOT NULL) OVER (),
        count(profiled.kernel_id) OVER ()
    ) AS counters_matched_pct
FROM seen
FULL JOIN profiled USING (process_number, device_id, path, kernel, instance)
WINDOW of_kernel AS (PARTITION BY kernel)
ORDER BY start_ns NULLS LAST, path, kernel, process_number, device_id, instance
