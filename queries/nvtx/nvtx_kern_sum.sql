-- Which kernels does each NVTX range launch, and how long do they take?
--
-- A kernel counts for every range around its launch, by the range's thread or by --by process; where ranges
-- of one text lie in each other, once. nsys stats adds up its time for each: so does --by-range true.
-- Kernels launched outside any range come under a NULL range. Kernels whose launch was not recorded are left
-- out, as are those of traces without ranges.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = NULL    text or pattern of the ranges; NULL for everything
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  by_range BOOLEAN = false  a kernel's time counts for each range of one text around it
-- @param  exact BOOLEAN = true    keep texts apart that differ in numbers alone
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
numbered AS NOT MATERIALIZED (
    SELECT
        api_call_id,
        range_id,
        -- 0 for one whose name was not recorded.
        coalesce(called_id, 0) AS called_id,
        duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces
        ON traces.trace_id = kernels.trace_id AND NOT list_contains(missing, 'nvtx_ranges')
    LEFT JOIN names
        ON name_id = hash(hash(kernels.name), if(demangled IS NULL, hash(kernels.name), hash(demangled)))
    WHERE api_call_id IS NOT NULL
),
-- What the ranges around a call are is known by its innermost one, but for calls that have some of their own.
launched AS NOT MATERIALIZED (
    FROM numbered
    ANTI JOIN range_calls USING (api_call_id)
    WHERE NOT is_by_process($by)
),
-- Texts and threads of ranges as numbers; read several times sooner than kept.
told AS NOT MATERIALIZED (
    SELECT
        range_id,
        range_called(nvtx_ranges.text, $exact) AS called,
        hash(nvtx_ranges.trace_id, hash(domain), hash(called), hash(style)) AS text_id,
        hash(nvtx_ranges.trace_id, process_id, pid, tid) AS thread_id,
        hash(text_id, thread_id) AS told_id,
        hash(hash(path), depth, thread_id) AS place_id,
        nvtx_ranges.* EXCLUDE (range_id)
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = nvtx_ranges.trace_id
),
asked AS NOT MATERIALIZED (
    FROM told WHERE $range IS NULL OR is_like(text, $range)
),
places AS (
    SELECT
        trace_id,
        place_id,
        any_value(style) AS style,
        any_value(length(path)) AS path_length,
        any_value(depth) * count(*) AS ancestors
    FROM told
    GROUP BY trace_id, place_id, told_id
),
-- Traces where path and text tell all of the ranges around a range: no path is cut, push/pop ranges of one
-- path are alike, and all ranges that are around one are known and there. What paths have in common that
-- differ in numbers takes longer to find than what is around each range.
told_by_paths AS (
    SELECT trace_id
    FROM places
    LEFT JOIN (SELECT trace_id, count(*) AS known FROM range_ancestors WHERE levels > 0 GROUP BY trace_id)
        USING (trace_id)
    GROUP BY trace_id, known
    HAVING $exact AND count_if(path_length < 1024) = count(*)
        AND count_if(style = 'pushpop') = count(DISTINCT CASE style WHEN 'pushpop' THEN place_id END)
        AND sum(ancestors) = coalesce(known, 0)
),
told_by_ancestors AS NOT MATERIALIZED (
    FROM told ANTI JOIN told_by_paths USING (trace_id)
),
-- Ranges that have the same ones around them are of one kind.
kinds AS (
    SELECT range_id, hash(place_id, told_id) AS kind_id
    FROM told
    SEMI JOIN told_by_paths USING (trace_id)
    UNION ALL
    -- Hashed once more: of what is hashed together, bit_xor would lose which is with which.
    SELECT range_id, bit_xor(hash(hash(levels, told_id)))
    FROM (
        SELECT range_id, 0::INTEGER AS levels, told_id
        FROM told_by_ancestors
        UNION ALL
        SELECT inner_ranges.range_id, levels, told_id
        FROM (FROM range_ancestors ANTI JOIN told_by_paths USING (trace_id)) AS inner_ranges
        JOIN told_by_ancestors ON told_by_ancestors.range_id = ancestor_id
        WHERE levels > 0
    )
    GROUP BY range_id
),
-- What is launched in a range is by the range's thread: its call need not be looked for.
in_ranges AS (
    SELECT range_id, kind_id, called_id, duration_ns
    FROM launched
    JOIN kinds USING (range_id)
),
spots AS (
    SELECT range_id, kind_id, called_id // 60 AS word, bit_or(1::BIGINT << (called_id % 60)::INTEGER) AS bits
    FROM in_ranges
    GROUP BY ALL
),
-- All else is looked for call by call.
lone AS NOT MATERIALIZED (
    FROM numbered WHERE is_by_process($by)
    UNION ALL
    FROM numbered SEMI JOIN range_calls USING (api_call_id) WHERE NOT is_by_process($by)
),
apart AS (
    SELECT lone.*, api_call_id AS lone_id, hash(trace_id, process_id, pid, tid) AS thread_id
    FROM lone
    JOIN nvtx_ranges USING (range_id)
    UNION ALL
    SELECT
        numbered.*,
        CASE WHEN is_by_process($by) OR api_call_id IN (SELECT api_call_id FROM range_calls)
             THEN api_call_id END,
        hash(trace_id, process_id, pid, tid)
    FROM numbered
    JOIN api_calls USING (api_call_id)
    WHERE numbered.range_id IS NULL AND api_calls.range_id IS NULL
),
apart_spots AS (
    SELECT
        hash(thread_id, lone_id, called_id // 60) AS spot_id,
        any_value(thread_id) AS thread_id,
        any_value(called_id // 60) AS word,
        bit_or(1::BIGINT << (called_id % 60)::INTEGER) AS bits,
        any_value(lone_id) AS lone_id,
        any_value(api_call_id) AS api_call_id,
        any_value(range_id) AS range_id
    FROM apart
    GROUP BY spot_id
),
lone_spots AS (
    FROM apart_spots WHERE lone_id IS NOT NULL
),
holders AS NOT MATERIALIZED (
    FROM nvtx_ranges WHERE EXISTS (FROM lone_spots)
),
around AS (
    SELECT spot_id, work.thread_id, word, bits, holder_id AS range_id, text_id, told_id
    FROM work_in_ranges('holders', 'lone_spots', $by) AS work
    JOIN asked ON asked.range_id = holder_id
),
kinds_apart AS (
    SELECT spot_id, hash('apart', any_value(thread_id), sum(hash(text_id))) AS kind_id
    FROM around
    GROUP BY spot_id
    UNION ALL
    SELECT spot_id, thread_id
    FROM apart_spots
    ANTI JOIN around USING (spot_id)
    WHERE $range IS NULL
),
-- From one list, for the engine to know that they are few.
typical AS (
    SELECT unnest(list({'kind_id': kind_id, 'range_id': range_id}), recursive := true)
    FROM (SELECT kind_id, min(range_id) AS range_id FROM kinds GROUP BY kind_id)
),
texts_of_kinds AS (
    SELECT kind_id, thread_id, text_id, told_id, levels
    FROM typical
    JOIN range_ancestors ON range_ancestors.range_id = typical.range_id
    JOIN asked ON asked.range_id = ancestor_id
    UNION ALL
    SELECT kind_id, apart_spots.thread_id, text_id, NULL, NULL
    FROM (SELECT kind_id, min(spot_id) AS spot_id FROM kinds_apart GROUP BY kind_id)
    JOIN apart_spots USING (spot_id)
    LEFT JOIN around USING (spot_id)
),
-- On its own: what is counted is far less than what it is counted of only behind the join.
executed AS MATERIALIZED (
    SELECT kind_id, called_id, duration_ns
    FROM in_ranges
    UNION ALL
    SELECT kind_id, called_id, duration_ns
    FROM apart
    JOIN kinds_apart
        ON spot_id = hash(thread_id, lone_id, called_id // 60)
),
tallied AS (
    SELECT kind_id, called_id, duration_ns, count(*) AS times FROM executed GROUP BY ALL
),
texts_once AS (
    SELECT kind_id, thread_id, text_id, count(*) AS ranges FROM texts_of_kinds GROUP BY ALL
),
told_apart AS (
    SELECT
        text_id,
        thread_id,
        called_id,
        duration_ns,
        times AS instances,
        times * CASE WHEN $by_range THEN ranges ELSE 1 END AS times
    FROM tallied
    JOIN texts_once USING (kind_id)
),
summed AS (
    FROM tallied_spread(told_apart)
),
own AS NOT MATERIALIZED (
    SELECT range_id, told_id, word, bits
    FROM spots
    JOIN texts_of_kinds USING (kind_id)
    WHERE levels = 0
),
-- Ranges that may hold more than what is launched in them and in none inside.
outer_texts AS (
    SELECT told_id FROM texts_of_kinds WHERE levels > 0
    UNION
    SELECT told_id FROM around
),
-- One number, for the engine to look for the ranges around first: by levels alone all would meet all.
texts_around AS NOT MATERIALIZED (
    SELECT hash(kind_id, levels) AS around_id, told_id FROM texts_of_kinds WHERE levels > 0
),
-- With kernels of the ranges in them, and of calls with ranges of their own: by process, these may be another
-- thread's than the range.
outer_spots AS NOT MATERIALIZED (
    SELECT range_id, told_id, NULL::UBIGINT AS thread_id, word, bits
    FROM own
    SEMI JOIN outer_texts USING (told_id)
    UNION ALL
    SELECT ancestor_id, told_id, NULL, word, bits
    FROM spots
    JOIN range_ancestors USING (range_id)
    JOIN texts_around ON around_id = hash(kind_id, levels)
    WHERE levels > 0
    UNION ALL
    SELECT range_id, told_id, CASE WHEN is_by_process($by) THEN thread_id END, word, bits FROM around
),
-- Most ranges hold the same kernels as others of their text.
ranges AS (
    SELECT told_id, thread_id, word, bits, count(*) AS ranges
    FROM (
        SELECT told_id, NULL::UBIGINT AS thread_id, word, bits
        FROM own
        ANTI JOIN outer_texts USING (told_id)
        UNION ALL
        SELECT any_value(told_id), thread_id, word, bit_or(bits)
        FROM outer_spots
        GROUP BY range_id, thread_id, word
    )
    GROUP BY ALL
),
headings AS (
    SELECT
        told_id,
        any_value(text_id) AS text_id,
        any_value(thread_id) AS thread_id,
        any_value(domain) AS domain,
        any_value(called) AS text,
        any_value(style) AS style,
        any_value(trace_id) AS trace_id,
        any_value(process_id) AS process_id,
        any_value(pid) AS pid,
        any_value(tid) AS tid
    FROM told
    GROUP BY told_id
),
counted AS (
    SELECT
        text_id,
        coalesce(ranges.thread_id, headings.thread_id) AS launcher_id,
        called_id,
        sum(ranges)::BIGINT AS range_instances
    FROM ranges
    JOIN headings USING (told_id)
    JOIN (SELECT called_id FROM names UNION SELECT 0)
        ON called_id // 60 = word AND bits & (1::BIGINT << (called_id % 60)::INTEGER) <> 0
    GROUP BY ALL
),
launchers AS (
    SELECT thread_id, trace_id, process_id, pid, tid
    FROM headings
    UNION
    SELECT thread_id, trace_id, process_id, pid, tid
    FROM (SELECT thread_id, min(api_call_id) AS api_call_id FROM apart_spots GROUP BY thread_id)
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
LEFT JOIN counted
    ON counted.text_id = summed.text_id AND launcher_id = summed.thread_id
    AND counted.called_id = summed.called_id
LEFT JOIN (SELECT DISTINCT text_id, domain, text, style FROM headings) AS texts
    ON texts.text_id = summed.text_id
LEFT JOIN (SELECT DISTINCT called_id, called FROM names) AS distinct_names
    ON distinct_names.called_id = summed.called_id
ORDER BY trace, domain NULLS FIRST, range NULLS FIRST, style, pid, process_id, tid, total_ns DESC, kernel
