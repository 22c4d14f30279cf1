-- How many kernels does each NVTX range launch?
--
-- Counts kernels inside the range, child ranges included; where ranges of one text lie in each other, once.
-- An .ncu-rep knows which ranges enclosed a kernel, not how often they ran: its instances come from the
-- trace's tag `steps` (ingest --tag steps=2), else NULL.
-- @of     timeline
-- @param  range VARCHAR = '*'          text or pattern of the ranges
-- @needs  kernel_ranges kernels
-- @column trace VARCHAR                name of the trace
-- @column domain VARCHAR               NVTX domain; empty for the default one
-- @column range VARCHAR                NVTX message
-- @column instances BIGINT             how often the range ran
-- @column kernels BIGINT               kernels launched inside it, children included
-- @column kernels_per_instance DOUBLE  kernels ÷ instances
-- @column gpu_ns BIGINT                GPU time of those kernels
-- @chart  bars x=range y=kernels
-- @section any 43 Where the time goes
-- @empty  No range has that text: compare with the texts in nvtx_ranges and kernel_ranges.

WITH inside AS (
    -- A recursive range encloses a kernel twice under one text: count the kernel once.
    SELECT DISTINCT trace_id, domain, text, kernel_id
    FROM kernel_ranges
    WHERE is_like(text, $range)
),
counted AS (
    SELECT inside.trace_id, domain, text, count(*) AS kernels, sum(duration_ns)::BIGINT AS gpu_ns
    FROM inside
    JOIN kernels USING (kernel_id)
    GROUP BY ALL
),
ran AS (
    SELECT trace_id, domain, text, count(*) AS instances
    FROM nvtx_ranges
    WHERE is_like(text, $range) AND style <> 'mark'
    GROUP BY ALL
),
merged AS (
    SELECT
        traces.trace,
        domain,
        text AS range,
        CASE WHEN has_timeline THEN instances ELSE try_cast(tags['steps'] AS BIGINT) END AS instances,
        coalesce(kernels, 0) AS kernels,
        coalesce(gpu_ns, 0) AS gpu_ns
    FROM counted
    FULL JOIN ran USING (trace_id, domain, text)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
)
SELECT trace, domain, range, instances, kernels, kernels / instances AS kernels_per_instance, gpu_ns
FROM merged
ORDER BY trace, kernels DESC, domain, range
