-- Which kernels does each NVTX range launch, and how long do they take?
--
-- A kernel counts for every range around its launch, by the range's thread or by --by process; kernels
-- launched outside any range come under a NULL range. Kernels whose launch was not recorded are left out.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = NULL    text or pattern of the ranges; NULL for everything
-- @param  names VARCHAR = 'full'  short, full or distinct names of kernels, see the view kernel_names
-- @param  by VARCHAR = 'thread'   whose launches a range holds: thread or process
-- @needs  kernels nvtx_ranges
-- @column trace VARCHAR           name of the trace
-- @column domain VARCHAR          NVTX domain; empty for the default one
-- @column range VARCHAR           NVTX message; NULL outside any range
-- @column style VARCHAR           pushpop or startend
-- @column pid BIGINT              process that launched it
-- @column tid BIGINT              thread
-- @column range_instances BIGINT  ranges of this text that launched the kernel
-- @column instances BIGINT        executions of the kernel
-- @column total_ns BIGINT         GPU time of all of them
-- @column avg_ns DOUBLE           mean
-- @column median_ns DOUBLE        median
-- @column min_ns BIGINT           shortest
-- @column max_ns BIGINT           longest
-- @column stddev_ns DOUBLE        sample standard deviation; NULL for one execution
-- @column p90_ns DOUBLE           9 of 10 take no longer
-- @column p99_ns DOUBLE           99 of 100 take no longer
-- @column kernel VARCHAR          full C++ name
-- @chart  bars x=kernel y=total_ns

-- Names of kernels and texts of ranges are long, and far fewer than kernels and ranges.
WITH names AS (
    SELECT
        hash(hash(name), hash(full_name)) AS name_id,
        called,
        dense_rank() OVER (ORDER BY called) AS called_id
    FROM kernels_called($names, '*')
    WHERE name IS NOT NULL
),
launched AS (
    SELECT
        kernels.api_call_id,
        kernels.range_id,
        called_id,
        kernels.duration_ns,
        kernels.trace_id,
        kernels.process_id,
        kernels.pid,
        tid
    FROM kernels
    JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id
    LEFT JOIN names
        ON name_id = hash(hash(kernels.name), if(demangled IS NULL, hash(kernels.name), hash(demangled)))
),
held AS NOT MATERIALIZED (
    SELECT * EXCLUDE (holder_id, range_id), holder_id AS range_id
    FROM work_in_ranges('nvtx_ranges', 'launched', $by)
),
matched AS (
    FROM held
    UNION ALL BY NAME
    SELECT * EXCLUDE (range_id) FROM launched ANTI JOIN held USING (api_call_id)
),
texts AS (
    SELECT trace_id, domain, text, style, min(range_id) AS text_id
    FROM nvtx_ranges
    WHERE $range IS NULL OR is_like(text, $range)
    GROUP BY ALL
),
told AS (
    SELECT range_id, text_id
    FROM nvtx_ranges
    JOIN texts
        ON texts.trace_id = nvtx_ranges.trace_id
        AND texts.domain IS NOT DISTINCT FROM nvtx_ranges.domain
        AND texts.text IS NOT DISTINCT FROM nvtx_ranges.text
        AND texts.style IS NOT DISTINCT FROM nvtx_ranges.style
),
summed AS (
    SELECT
        matched.trace_id,
        text_id,
        matched.process_id,
        matched.pid,
        matched.tid,
        called_id,
        count(DISTINCT matched.range_id) AS range_instances,
        count(*) AS instances,
        sum(matched.duration_ns)::BIGINT AS total_ns,
        avg(matched.duration_ns) AS avg_ns,
        min(matched.duration_ns) AS min_ns,
        max(matched.duration_ns) AS max_ns,
        whole_stddev(matched.duration_ns) AS stddev_ns,
        -- Together they take as long as one of them.
        quantile_cont(matched.duration_ns, [0.5, 0.9, 0.99]) AS quantiles
    FROM matched
    LEFT JOIN told ON told.range_id = matched.range_id
    WHERE $range IS NULL OR text_id IS NOT NULL
    GROUP BY ALL
)
SELECT
    trace,
    domain,
    text AS range,
    style,
    pid,
    tid,
    range_instances,
    instances,
    total_ns,
    avg_ns,
    quantiles[1] AS median_ns,
    min_ns,
    max_ns,
    stddev_ns,
    quantiles[2] AS p90_ns,
    quantiles[3] AS p99_ns,
    called AS kernel
FROM summed
JOIN traces ON traces.trace_id = summed.trace_id
LEFT JOIN texts USING (text_id)
LEFT JOIN (SELECT DISTINCT called_id, called FROM names) USING (called_id)
ORDER BY trace, domain NULLS FIRST, range NULLS FIRST, style, pid, process_id, tid, total_ns DESC, kernel
