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

WITH launched AS (
    SELECT kernels.api_call_id, kernels.range_id, called, kernels.duration_ns, traces.trace,
           kernels.process_id, kernels.pid, tid
    FROM kernels
    JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
),
held AS (
    SELECT * EXCLUDE (holder_id, range_id), holder_id AS range_id
    FROM work_in_ranges('nvtx_ranges', 'launched', $by)
),
matched AS (
    FROM held
    UNION ALL BY NAME
    SELECT * EXCLUDE (range_id) FROM launched WHERE api_call_id NOT IN (SELECT api_call_id FROM held)
)
SELECT
    matched.trace,
    domain,
    text AS range,
    style,
    matched.pid,
    matched.tid,
    count(DISTINCT matched.range_id) AS range_instances,
    count(*) AS instances,
    sum(matched.duration_ns)::BIGINT AS total_ns,
    avg(matched.duration_ns) AS avg_ns,
    median(matched.duration_ns) AS median_ns,
    min(matched.duration_ns) AS min_ns,
    max(matched.duration_ns) AS max_ns,
    stddev_samp(matched.duration_ns) AS stddev_ns,
    quantile_cont(matched.duration_ns, 0.9) AS p90_ns,
    quantile_cont(matched.duration_ns, 0.99) AS p99_ns,
    called AS kernel
FROM matched
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = matched.range_id
WHERE $range IS NULL OR is_like(text, $range)
GROUP BY matched.trace, domain, text, style, matched.process_id, matched.pid, matched.tid, called
ORDER BY trace, domain NULLS FIRST, range NULLS FIRST, style, pid, matched.process_id, tid,
         total_ns DESC, kernel
