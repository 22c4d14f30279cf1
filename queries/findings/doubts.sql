-- What makes the numbers of a recording doubtful, or leaves them without a place?
--
-- lost_events: the profiler counted other numbers of events than the file holds (that some may be missing it
-- says of nearly every recording); which events of which process, its own counts tell, but no time. Or a
-- process whose CUDA calls it traced ended without saying what CUPTI made of them, as one does that is
-- killed: what had not been handed over by then is lost.
-- no_gpu_work: CUDA was traced, no events are known to be lost, and nothing ran on a GPU.
-- unattributed: there are NVTX ranges, but most of the GPU's work belongs to none; it is from the first to
-- the last of what belongs to none.
-- @of     traces
-- @unites trace
-- @param  placed_pct DOUBLE = 50  share of the work in ranges below which it is told
-- @asks   covered coverage
-- @empty  No events were lost, something ran on a GPU, and the work has a place in ranges, or there are none.
-- @says   lost_events Events are missing from this recording: sums and counts are too low by nobody knows how
--         much.
-- @try    lost_events Record less or for a shorter time (--capture-range, --delay), flush
--         (--cuda-flush-interval), and let processes end by themselves.
-- @where  lost_events the whole recording{counted}
-- @proof  lost_events trace_summary
-- @says   no_gpu_work Nothing ran on a GPU while this was recorded, though CUDA was traced.
-- @try    no_gpu_work See whether calls of CUDA failed ({query cuda-api-sum}), whether other processes launch
--         the work (--trace-fork-before-exec=true), and whether the recording covers it (--capture-range,
--         --delay).
-- @where  no_gpu_work the whole recording
-- @proof  no_gpu_work trace_summary
-- @says   unattributed Only {gpu_in_ranges_pct} of the GPU's {gpu_ns} belongs to NVTX ranges.
-- @try    unattributed Put ranges around the steps and on the threads that launch; or ask by process
--         ({query coverage by=process}).
-- @where  unattributed most of it in process {pid} on device {device_id}

WITH counts AS (
    SELECT
        trace,
        regexp_extract(
            unnest(if(len(warnings) > 0, warnings, [''])),
            '^The report counts (\d+) (.+) events of process (\d+), (\d+) were decoded\.$',
            ['promised', 'what', 'pid', 'decoded']
        ) AS counted
    FROM traces
    WHERE counts_agree = false
),
-- A process says when the tracing of CUDA begins, and when CUPTI has handed over all that it had; which
-- process it was is not told. One that began before the recording and ended in it hides one that was killed.
handed_over AS (
    SELECT
        trace_id,
        count(*) FILTER (starts_with(text, 'CUDA injection initialized successfully')) AS processes,
        processes - count(*) FILTER (starts_with(text, 'Number of CUPTI events produced')) AS lost
    FROM diagnostics
    GROUP BY trace_id
    HAVING lost > 0
),
lost AS (
    SELECT
        trace,
        string_agg(
            format(
                '{} of {} {} events of process {}',
                counted.decoded, counted.promised, counted.what, counted.pid
            ),
            ', ' ORDER BY try_cast(counted.pid AS BIGINT), counted.what
        ) FILTER (counted.pid <> '') AS counted
    FROM counts
    GROUP BY trace
    UNION ALL
    SELECT
        trace,
        if(
            processes = 1,
            'what its process had not handed over at the end',
            format('what {} of {} processes had not handed over at the end', lost, processes)
        )
    FROM handed_over
    JOIN traces USING (trace_id)
),
outside AS (
    SELECT trace, process_id, pid, device_id, start_ns, end_ns, duration_ns
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
        GROUP BY trace, process_id, pid, device_id
    )
    GROUP BY trace
),
found AS (
    SELECT
        trace,
        'lost_events' AS code,
        'doubt' AS severity,
        MAP {}::MAP(VARCHAR, DOUBLE) AS numbers,
        MAP {'counted': coalesce(': ' || string_agg(counted, ', ' ORDER BY counted), '')} AS texts,
        NULL::BIGINT AS start_ns,
        NULL::BIGINT AS end_ns
    FROM lost
    GROUP BY trace
    UNION ALL
    SELECT
        trace,
        'no_gpu_work',
        'doubt',
        MAP {}::MAP(VARCHAR, DOUBLE),
        MAP {}::MAP(VARCHAR, VARCHAR),
        NULL,
        NULL
    FROM traces
    ANTI JOIN gpu_operations USING (trace_id)
    WHERE has_timeline AND NOT list_contains(missing, 'kernels') AND trace NOT IN (SELECT trace FROM lost)
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
