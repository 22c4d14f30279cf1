-- How busy were the parts of each GPU while the work of an NVTX range ran there?
--
-- The mean of all samples between the first start and the last end of the GPU work that a range launched,
-- over all ranges of one message; a sample in two of them counts once. A sample tells of the time until the
-- next one, and counts where that begins in a range, so that ranges much shorter than the sampling period say
-- little. Samples are of a whole GPU, whoever uses it.
-- @of     totals
-- @unites trace
-- @param  range VARCHAR = '*'   only ranges of this name or pattern
-- @param  metric VARCHAR = '*'  name or pattern of the metric
-- @needs  gpu_samples
-- @needs  nvtx_ranges
-- @column trace VARCHAR         name of the trace
-- @column domain VARCHAR        NVTX domain; empty for the default one
-- @column range VARCHAR         NVTX message
-- @column gpu_id INTEGER        the GPU, see gpus
-- @column metric VARCHAR        what is measured
-- @column unit VARCHAR          of the values; Throughput % is of what the GPU can do
-- @column instances BIGINT      ranges with GPU work of processes that use this GPU
-- @column gpu_span_ns BIGINT    time between first start and last end of their work, overlaps once
-- @column samples BIGINT        how many samples fell into it
-- @column avg DOUBLE            their mean; NULL if there are none
-- @chart  bars x=metric y=avg group=range unit=unit
-- @note   SELECT below_zero(list(DISTINCT metric ORDER BY metric))
--         FROM answer WHERE avg < 0 HAVING count(*) > 0
-- @empty  No range with that name launched GPU work while GPU metrics were sampled.

WITH used AS (
    SELECT DISTINCT trace_id, process_id, gpu_id FROM gpu_operations
),
ranges AS (
    SELECT
        nvtx_ranges.trace_id,
        domain,
        text AS range,
        gpu_id,
        range_id,
        gpu_start_ns AS from_ns,
        -- Of work whose end is not known there is no time in which samples count.
        coalesce(gpu_end_ns, gpu_start_ns) AS to_ns
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN used ON used.trace_id = nvtx_ranges.trace_id AND used.process_id = nvtx_ranges.process_id
    WHERE is_like(coalesce(text, ''), $range) AND gpu_start_ns IS NOT NULL
),
-- What a range adds to the time of those before it; nothing where it lies in them.
pieces AS (
    SELECT
        * REPLACE (least(greatest(from_ns, coalesce(earlier_until_ns, from_ns)), to_ns) AS from_ns)
    FROM (
        SELECT *, busy_until(from_ns, to_ns, range_id, (trace_id, domain, range, gpu_id)) AS earlier_until_ns
        FROM ranges
    )
),
sums AS (
    SELECT
        trace_id,
        gpu_id,
        metric,
        coalesce(unit, '') AS unit,
        time_ns,
        count(*) OVER so_far AS samples,
        sum(value) OVER so_far AS total
    FROM gpu_samples
    WHERE is_like(metric, $metric)
    WINDOW so_far AS (PARTITION BY trace_id, gpu_id, metric, unit ORDER BY time_ns)
),
wanted AS (
    SELECT *
    FROM pieces
    JOIN (SELECT DISTINCT trace_id, gpu_id, metric, unit FROM sums) USING (trace_id, gpu_id)
),
counted AS (
    SELECT
        wanted.*,
        coalesce(until.samples, 0) - coalesce(earlier.samples, 0) AS samples,
        coalesce(until.total, 0) - coalesce(earlier.total, 0) AS total
    FROM wanted
    ASOF LEFT JOIN sums AS earlier
        ON earlier.trace_id = wanted.trace_id AND earlier.gpu_id = wanted.gpu_id
        AND earlier.metric = wanted.metric AND earlier.unit = wanted.unit
        AND earlier.time_ns < wanted.from_ns
    ASOF LEFT JOIN sums AS until
        ON until.trace_id = wanted.trace_id AND until.gpu_id = wanted.gpu_id
        AND until.metric = wanted.metric AND until.unit = wanted.unit
        AND until.time_ns < wanted.to_ns
)
SELECT
    traces.trace,
    domain,
    range,
    gpu_id,
    metric,
    nullif(unit, '') AS unit,
    count(*) AS instances,
    sum(to_ns - from_ns)::BIGINT AS gpu_span_ns,
    sum(counted.samples)::BIGINT AS samples,
    sum(total) / nullif(sum(counted.samples), 0) AS avg
FROM counted
JOIN traces USING (trace_id)
GROUP BY traces.trace, domain, range, gpu_id, metric, unit
ORDER BY trace, domain, range, gpu_id, metric, unit
