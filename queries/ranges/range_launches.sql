-- How many kernels does each NVTX range launch?
--
-- Counts kernels inside the range, child ranges included. An .ncu-rep knows which ranges enclosed a kernel,
-- not how often they ran: instances come from the trace's tag `steps` (ingest --tag steps=2), else NULL.
-- @param  trace VARCHAR = NULL     only this trace
-- @param  range VARCHAR = '%'      LIKE pattern on the range text
-- @needs  kernel_ranges
-- @column trace VARCHAR            name of the trace
-- @column domain VARCHAR           NVTX domain; empty for the default one
-- @column range_text VARCHAR       NVTX message
-- @column instances BIGINT         how often the range ran
-- @column launches BIGINT          kernels launched inside it, children included
-- @column launches_per_instance DOUBLE  launches ÷ instances
-- @column gpu_ns BIGINT            GPU time of those kernels
-- @chart  bars x=range_text y=launches
-- @empty  No range of that text encloses a kernel: compare with the texts in kernel_ranges.

WITH inside AS (
    -- A recursive range encloses a kernel twice under one text: count the kernel once.
    SELECT DISTINCT trace_id, domain, text, kernel_id
    FROM kernel_ranges
    WHERE text LIKE $range
),
steps AS (
    SELECT trace_id, name, try_cast(tags['steps'] AS BIGINT) AS instances FROM traces
)
SELECT
    steps.name AS trace,
    inside.domain,
    inside.text AS range_text,
    instances,
    count(*) AS launches,
    count(*) / instances AS launches_per_instance,
    sum(kernels.duration_ns)::BIGINT AS gpu_ns
FROM inside
JOIN steps USING (trace_id)
JOIN kernels USING (kernel_id)
WHERE $trace IS NULL OR steps.name = $trace
GROUP BY steps.name, inside.domain, inside.text, instances
ORDER BY trace, launches DESC, domain, range_text
