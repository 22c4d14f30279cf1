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
-- @param  exact BOOLEAN = true  keep texts apart that differ in numbers alone
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
        trace,
        domain,
        range_called(text, $exact) AS range,
        gpu_id,
        (nvtx_ranges.trace_id, domain, range, gpu_id) AS lane,
        range_id AS number,
        gpu_start_ns AS from_ns,
        -- Of work whose end is not known there is no time in which samples count.
        coalesce(gpu_end_ns, gpu_start_ns) AS to_ns
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN used ON used.trace_id = nvtx_ranges.trace_id AND used.process_id = nvtx_ranges.process_id
    WHERE is_like(coalesce(text, ''), $range) AND gpu_start_ns IS NOT NULL
),
-- Of ranges of one text that lie in each other the time counts once.
pieces AS (
    SELECT *, hash(trace, domain, range, gpu_id) AS place_id
    FROM one_after_another('ranges')
),
places AS (
    SELECT
        place_id,
        trace,
        domain,
        range,
        gpu_id,
        count(*) AS instances,
        sum(to_ns - from_ns)::BIGINT AS gpu_span_ns
    FROM pieces
    GROUP BY ALL
),
samples AS NOT MATERIALIZED (
    SELECT gpu_samples.*, trace
    FROM gpu_samples
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(metric, $metric)
),
-- All metrics of a GPU are sampled at once: a moment is looked for once, and not for each of them.
moments AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY trace_id, gpu_id ORDER BY time_ns) AS number
    FROM (SELECT DISTINCT trace_id, gpu_id, time_ns FROM samples)
),
-- Most ranges are shorter than the sampling period, and hold no moment.
held AS (
    SELECT
        place_id,
        pieces.trace_id,
        pieces.gpu_id,
        unnest(range(first_moments.number, last_moments.number + 1)) AS number
    FROM pieces
    ASOF JOIN moments AS first_moments
        ON first_moments.trace_id = pieces.trace_id AND first_moments.gpu_id = pieces.gpu_id
        AND first_moments.time_ns >= pieces.from_ns
    ASOF JOIN moments AS last_moments
        ON last_moments.trace_id = pieces.trace_id AND last_moments.gpu_id = pieces.gpu_id
        AND last_moments.time_ns < pieces.to_ns
    WHERE last_moments.number >= first_moments.number
),
counted AS (
    SELECT place_id, metric, unit, count(*) AS samples, sum(value) / count(*) AS avg
    FROM held
    JOIN moments USING (trace_id, gpu_id, number)
    JOIN samples USING (trace_id, gpu_id, time_ns)
    GROUP BY place_id, metric, unit
)
SELECT
    trace,
    domain,
    range,
    gpu_id,
    metrics.metric,
    metrics.unit,
    instances,
    gpu_span_ns,
    coalesce(samples, 0) AS samples,
    avg
FROM places
JOIN (SELECT DISTINCT trace, gpu_id, metric, unit FROM samples) AS metrics USING (trace, gpu_id)
LEFT JOIN counted
    ON counted.place_id = places.place_id AND counted.metric = metrics.metric
    AND counted.unit IS NOT DISTINCT FROM metrics.unit
ORDER BY trace, domain, range, gpu_id, metrics.metric, metrics.unit
