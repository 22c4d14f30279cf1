-- How many kernels does each NVTX range launch?
--
-- Counts kernels inside the range, child ranges included; where ranges of one text lie in each other, once.
-- An .ncu-rep knows which ranges enclosed a kernel, not how often they ran: its instances come from the
-- trace's tag `steps` (ingest --tag steps=2), else NULL. Where no kernels were recorded, or only other
-- threads launched any meanwhile, their number is not known.
-- @of     totals
-- @unites trace
-- @param  range VARCHAR = '*'          text or pattern of the ranges
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  exact BOOLEAN = true         keep texts apart that differ in numbers alone
-- @needs  ncu_ranges|nvtx_ranges kernels
-- @column trace VARCHAR                name of the trace
-- @column domain VARCHAR               NVTX domain; empty for the default one
-- @column range VARCHAR                NVTX message
-- @column instances BIGINT             how often the range ran
-- @column kernels BIGINT               kernels launched inside it, children included; NULL if not known
-- @column kernels_per_instance DOUBLE  kernels ÷ instances, of traces that tell both
-- @column gpu_ns BIGINT                GPU time of those kernels
-- @chart  bars x=range y=kernels
-- @section any 43 Where the time goes
-- @empty  No range has that text: compare with the texts in nvtx_ranges and kernel_ranges.

WITH named AS (
    SELECT range_id, trace_id, domain, range_called(text, $exact) AS text, gpu_operations
    FROM nvtx_ranges
    WHERE is_like(coalesce(text, ''), $range) AND style <> 'mark'
),
-- By number, as each kernel is told apart by it: texts are long, and few.
texts AS (
    SELECT *, row_number() OVER () AS text_id FROM (SELECT DISTINCT trace_id, domain, text FROM named)
),
asked AS (
    SELECT named.*, text_id
    FROM named
    JOIN texts ON texts.trace_id = named.trace_id AND texts.domain = named.domain
        AND texts.text IS NOT DISTINCT FROM named.text
),
counted AS (
    SELECT texts.trace_id, domain, text, kernels, gpu_ns
    FROM (
        SELECT text_id, count(*) AS kernels, sum(duration_ns)::BIGINT AS gpu_ns
        FROM (
            -- A recursive range encloses a kernel twice under one text: count the kernel once.
            SELECT DISTINCT text_id, kernel_id, duration_ns
            FROM work_in_ranges('asked', 'kernels', $by) AS held
            JOIN asked ON asked.range_id = holder_id
        )
        GROUP BY text_id
    )
    JOIN texts USING (text_id)
    UNION ALL
    SELECT trace_id, domain, text, count(*), sum(duration_ns)::BIGINT
    FROM (
        SELECT DISTINCT trace_id, domain, range_called(text, $exact) AS text, kernel_id
        FROM ncu_ranges
        WHERE is_like(coalesce(text, ''), $range)
    )
    JOIN (SELECT kernel_id, duration_ns FROM kernels) AS kernels USING (kernel_id)
    GROUP BY ALL
),
ran AS (
    SELECT
        trace_id,
        domain,
        text,
        count(*) AS instances,
        -- None is 0 only where kernels were recorded, and by thread where no other one launched anything
        -- meanwhile: what a range knows of itself.
        CASE WHEN if(is_by_process($by), gpu_work_recorded(any_value(missing)),
                     count(gpu_operations) = count(*)) THEN 0 END AS none_launched
    FROM asked
    JOIN traces USING (trace_id)
    GROUP BY ALL
),
merged AS (
    SELECT
        traces.trace,
        coalesce(counted.domain, ran.domain) AS domain,
        coalesce(counted.text, ran.text) AS range,
        CASE WHEN has_timeline THEN instances ELSE try_cast(tags['steps'] AS BIGINT) END AS instances,
        coalesce(kernels, none_launched) AS kernels,
        coalesce(gpu_ns, none_launched) AS gpu_ns
    FROM counted
    -- Ranges without a text are of one kind, too.
    FULL JOIN ran ON ran.trace_id = counted.trace_id AND ran.domain = counted.domain
        AND ran.text IS NOT DISTINCT FROM counted.text
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = coalesce(counted.trace_id, ran.trace_id)
)
SELECT
    trace,
    domain,
    range,
    -- In one trace unknown, in all.
    CASE WHEN count(merged.instances) = count(*) THEN sum(merged.instances)::BIGINT END AS instances,
    sum(merged.kernels)::BIGINT AS kernels,
    CASE WHEN count(merged.instances) = count(*) THEN sum_ratio(merged.kernels, merged.instances) END
        AS kernels_per_instance,
    sum(merged.gpu_ns)::BIGINT AS gpu_ns
FROM merged
GROUP BY trace, domain, range
ORDER BY trace, kernels DESC NULLS LAST, domain, range
