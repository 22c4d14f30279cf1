-- What makes the numbers of a recording doubtful, or leaves them without a place?
--
-- lost_events: the profiler counted other numbers of events than the file holds (that some may be missing it
-- says of nearly every recording). unattributed: there are NVTX ranges, but most of the GPU's work belongs to
-- none.
-- @of     traces
-- @unites trace
-- @param  placed_pct DOUBLE = 50  share of the work in ranges below which it is told
-- @asks   covered coverage
-- @empty  No events were lost, and the work has a place in ranges, or there are none.
-- @says   lost_events Events are missing from this recording: sums and counts are too low by nobody knows how
--         much.
-- @try    lost_events Record less or for a shorter time (--capture-range, --delay), and flush:
--         --cuda-flush-interval.
-- @proof  lost_events trace_summary
-- @says   unattributed Only {gpu_in_ranges_pct} of the GPU's {gpu_ns} belongs to NVTX ranges.
-- @try    unattributed Put ranges around the steps and on the threads that launch; or ask with --by process.

WITH found AS (
    SELECT
        trace,
        'lost_events' AS code,
        'doubt' AS severity,
        NULL::DOUBLE AS share_pct,
        NULL::BIGINT AS gpu_ns
    FROM traces
    WHERE counts_agree = false
    UNION ALL
    SELECT covered.trace, 'unattributed', 'low', gpu_in_ranges_pct, gpu_ns
    FROM covered
    JOIN traces USING (trace)
    WHERE gpu_in_ranges_pct < $placed_pct
        AND EXISTS (FROM nvtx_ranges WHERE nvtx_ranges.trace_id = traces.trace_id)
)
SELECT
    found.trace,
    code,
    severity,
    NULL::BIGINT AS saving_ns,
    NULL::DOUBLE AS saving_pct,
    if(
        share_pct IS NULL,
        MAP {}::MAP(VARCHAR, DOUBLE),
        MAP {'gpu_in_ranges_pct': share_pct, 'gpu_ns': gpu_ns::DOUBLE}
    ) AS numbers,
    MAP {}::MAP(VARCHAR, VARCHAR) AS texts,
    no_place.*
FROM found
JOIN chosen_traces($trace) AS traces USING (trace)
CROSS JOIN no_place
ORDER BY trace, code
