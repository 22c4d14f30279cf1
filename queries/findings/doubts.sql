-- What makes the numbers of a recording doubtful, or leaves them without a place?
--
-- lost_events: the profiler counted other numbers of events than the file holds (that some may be missing
-- it says of nearly every recording); which events of which process, its own counts tell, but no time.
-- unattributed: there are NVTX ranges, but most of the GPU's work belongs to none; it is from the first to
-- the last of what belongs to none.
-- @of     traces
-- @unites trace
-- @param  placed_pct DOUBLE = 50  share of the work in ranges below which it is told
-- @asks   covered coverage
-- @empty  No events were lost, and the work has a place in ranges, or there are none.
-- @says   lost_events Events are missing from this recording: sums and counts are too low by nobody knows how
--         much.
-- @try    lost_events Record less or for a shorter time (--capture-range, --delay), and flush:
--         --cuda-flush-interval.
-- @where  lost_events the whole recording{counted}
-- @proof  lost_events trace_summary
-- @says   unattributed Only {gpu_in_ranges_pct} of the GPU's {gpu_ns} belongs to NVTX ranges.
-- @try    unattributed Put ranges around the steps and on the threads that launch; or ask by process
--         ({query coverage by=process}).
-- @where  unattributed most of it in process {pid} on device {device_id}

WITH counts AS (
    SELECT
        trace,
        regexp_extract(
            unnest(warnings),
            '^The report counts (\d+) (.+) events of process (\d+), (\d+) were decoded\.$',
            ['promised', 'what', 'pid', 'decoded']
        ) AS counted
    FROM traces
    WHERE counts_agree = false
),
lost AS (
    SELECT
        trace,
        string_agg(
            format(
                '{} of {} {} events of process {}',
                counted.decoded, counted.promised, counted.what, counted.pid
            ),
            ', ' ORDER BY counted.pid::BIGINT, counted.what
        ) FILTER (counted.pid <> '') AS counted
    FROM counts
    GROUP BY trace
),
outside AS (
    SELECT trace, pid, device_id, start_ns, end_ns, duration_ns
    FROM gpu_operations
    JOIN covered USING (trace)
    WHERE gpu_in_ranges_pct < $placed_pct
        AND range_id IS NULL
        AND api_call_id IN (SELECT api_call_id FROM range_calls) IS NOT true
),
places AS (
    SELECT
        trace,
        max({'ns': gpu_ns, 'pid': pid, 'device_id': device_id}) AS most,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM (
        SELECT
            trace,
            pid,
            device_id,
            sum(duration_ns) AS gpu_ns,
            min(start_ns) AS start_ns,
            max(end_ns) AS end_ns
        FROM outside
        GROUP BY trace, pid, device_id
    )
    GROUP BY trace
),
found AS (
    SELECT
        trace,
        'lost_events' AS code,
        'doubt' AS severity,
        MAP {}::MAP(VARCHAR, DOUBLE) AS numbers,
        MAP {'counted': coalesce(': ' || counted, '')} AS texts,
        NULL::BIGINT AS start_ns,
        NULL::BIGINT AS end_ns
    FROM traces
    LEFT JOIN lost USING (trace)
    WHERE counts_agree = false
    UNION ALL
    SELECT
        trace,
        'unattributed',
        'low',
        MAP {
            'gpu_in_ranges_pct': gpu_in_ranges_pct,
            'gpu_ns': gpu_ns::DOUBLE,
            'pid': most.pid::DOUBLE,
            'device_id': most.device_id::DOUBLE
        },
        MAP {}::MAP(VARCHAR, VARCHAR),
        start_ns,
        end_ns
    FROM covered
    JOIN traces USING (trace)
    LEFT JOIN places USING (trace)
    WHERE gpu_in_ranges_pct < $placed_pct
        AND EXISTS (FROM nvtx_ranges WHERE nvtx_ranges.trace_id = traces.trace_id)
)
SELECT
    found.trace,
    code,
    severity,
    NULL::BIGINT AS saving_ns,
    NULL::DOUBLE AS saving_pct,
    numbers,
    texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
JOIN chosen_traces($trace) AS traces USING (trace)
ORDER BY trace, code
