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
        (dense_rank() OVER (ORDER BY called))::INTEGER AS called_id
    FROM kernels_called($names, '*')
    WHERE name IS NOT NULL
),
-- By numbers, as is all that has to be kept until its thread is found; read twice sooner than kept.
numbered AS NOT MATERIALIZED (
    SELECT
        trace_id,
        process_id,
        pid,
        api_call_id,
        range_id,
        hash(hash(name), if(demangled IS NULL, hash(name), hash(demangled))) AS name_id,
        duration_ns
    FROM kernels
    WHERE api_call_id IS NOT NULL
),
-- What was launched in a range was by the thread of that range: its call need not be looked for.
by_threads AS NOT MATERIALIZED (
    SELECT numbered.*, tid
    FROM numbered
    JOIN nvtx_ranges USING (range_id)
    UNION ALL
    SELECT numbered.*, tid
    FROM numbered
    JOIN api_calls USING (api_call_id)
    WHERE numbered.range_id IS NULL
),
-- What one thread launched in one range has the same ranges around it: that is a spot. A call that has ranges
-- of its own around it is one, too.
launched AS NOT MATERIALIZED (
    SELECT
        hash(by_threads.trace_id, process_id, pid, tid) AS thread_id,
        hash(
            thread_id,
            range_id,
            CASE WHEN is_by_process($by) OR api_call_id IN (SELECT api_call_id FROM range_calls)
                 THEN api_call_id END,
            coalesce(called_id, 0) // 60
        ) AS spot_id,
        api_call_id,
        range_id,
        -- 0 for one whose name was not recorded.
        coalesce(called_id, 0) AS called_id,
        duration_ns
    FROM by_threads
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = by_threads.trace_id
    LEFT JOIN names USING (name_id)
),
-- With the kernels that were launched there as bits of a word: most ranges launch the same ones.
spots AS (
    SELECT
        spot_id,
        any_value(thread_id) AS thread_id,
        any_value(called_id // 60) AS word,
        bit_or(1::BIGINT << (called_id % 60)::INTEGER) AS bits,
        any_value(api_call_id) AS api_call_id,
        any_value(range_id) AS range_id
    FROM launched
    GROUP BY spot_id
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
lone AS (
    SELECT * REPLACE (NULL::BIGINT AS range_id)
    FROM spots
    WHERE is_by_process($by) OR api_call_id IN (SELECT api_call_id FROM range_calls)
),
-- What lies around the range of a spot is known by that range alone; the rest is looked for call by call.
around AS (
    SELECT spot_id, thread_id, word, bits, ancestor_id AS range_id, text_id
    FROM spots
    JOIN range_ancestors ON range_ancestors.range_id = spots.range_id
    JOIN told ON told.range_id = ancestor_id
    WHERE NOT is_by_process($by)
    UNION ALL
    SELECT spot_id, thread_id, word, bits, holder_id, text_id
    FROM work_in_ranges('nvtx_ranges', 'lone', $by)
    JOIN told ON told.range_id = holder_id
),
-- Spots of one thread in ranges of the same texts are of one kind.
kinds AS (
    SELECT spot_id, hash(any_value(thread_id), sum(hash(text_id))) AS kind_id
    FROM around
    GROUP BY spot_id
    UNION ALL
    SELECT spot_id, thread_id
    FROM spots
    ANTI JOIN around USING (spot_id)
    WHERE $range IS NULL
),
texts_of_kinds AS (
    SELECT kind_id, spots.thread_id, text_id
    FROM (SELECT kind_id, min(spot_id) AS spot_id FROM kinds GROUP BY kind_id)
    JOIN spots USING (spot_id)
    LEFT JOIN around USING (spot_id)
),
-- On its own: what is counted is far less than what it is counted of only behind the join.
executed AS MATERIALIZED (
    SELECT kind_id, called_id, duration_ns
    FROM launched
    JOIN kinds USING (spot_id)
),
tallied AS (
    SELECT kind_id, called_id, duration_ns, count(*) AS times FROM executed GROUP BY ALL
),
told_apart AS (
    SELECT text_id, thread_id, called_id, duration_ns, times FROM tallied JOIN texts_of_kinds USING (kind_id)
),
summed AS (
    FROM tallied_spread(told_apart)
),
-- Ranges of a text by the kernels that they hold, and these one by one.
ranges AS (
    SELECT text_id, thread_id, word, bits, count(*) AS ranges
    FROM (
        SELECT any_value(text_id) AS text_id, thread_id, word, bit_or(bits) AS bits
        FROM around
        GROUP BY range_id, thread_id, word
    )
    GROUP BY ALL
),
counted AS (
    SELECT text_id, thread_id, called_id, sum(ranges)::BIGINT AS range_instances
    FROM ranges
    JOIN (SELECT called_id FROM names UNION SELECT 0)
        ON called_id // 60 = word AND bits & (1::BIGINT << (called_id % 60)::INTEGER) <> 0
    GROUP BY ALL
),
launchers AS (
    SELECT thread_id, trace_id, process_id, pid, tid
    FROM (SELECT thread_id, min(api_call_id) AS api_call_id FROM spots GROUP BY thread_id)
    JOIN api_calls USING (api_call_id)
)
SELECT
    trace,
    domain,
    text AS range,
    style,
    pid,
    tid,
    coalesce(range_instances, 0) AS range_instances,
    instances,
    total_ns,
    avg_ns,
    median_ns,
    min_ns,
    max_ns,
    stddev_ns,
    p90_ns,
    p99_ns,
    called AS kernel
FROM summed
JOIN launchers USING (thread_id)
JOIN traces ON traces.trace_id = launchers.trace_id
LEFT JOIN counted USING (text_id, thread_id, called_id)
LEFT JOIN texts USING (text_id)
LEFT JOIN (SELECT DISTINCT called_id, called FROM names) USING (called_id)
ORDER BY trace, domain NULLS FIRST, range NULLS FIRST, style, pid, process_id, tid, total_ns DESC, kernel
