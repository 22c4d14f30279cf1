-- The ranges that are steps: push/pop or start/end ranges, the outermost ones of their thread.
--
-- Asked for by name, those that are like it. Else those of vLLM, TensorRT-LLM and torch.profiler where a
-- process has any; else what repeats: of the ranges whose texts, numbers aside, come again on their thread,
-- and that lie in no other such range, those that take most of the time of their process. Before all others
-- come ranges that launched GPU work on their thread: others may take longer, which load data. What a library
-- marks is none of these: it may be all that the thread marks which launches for another one. Last comes
-- what XLA (JAX) does beside running programs: it compiles and tries out kernels. Start/end ranges of one
-- kind run beside each other, as requests do: one lies in another only where what lasts longest around it is
-- of another kind.
--
-- Columns: range_id.
-- @param  wanted VARCHAR  pattern on the text; NULL for none

WITH candidates AS NOT MATERIALIZED (
    SELECT
        range_id,
        trace_id,
        process_id,
        hash(trace_id, process_id, tid) AS thread_id,
        text,
        style = 'pushpop' AS is_pushed,
        start_ns,
        coalesce(end_ns, 9223372036854775807) AS until_ns,
        -- Of what was never closed no time is known, and a NULL would be more than any.
        coalesce(duration_ns, 0) AS known_ns,
        coalesce(gpu_operations > 0, false) AS has_operations,
        -- What XLA tries out are modules, too, but no programs.
        domain <> 'TSL' OR (starts_with(text, 'XlaModule:#') AND contains(text, 'program_id=')) AS is_run,
        lower(domain) IN (SELECT library_domains.domain FROM library_domains) AS is_of_library,
        names_a_step(text) AS is_step
    FROM nvtx_ranges
    SEMI JOIN asked_traces USING (trace_id)
    WHERE style <> 'mark' AND text IS NOT NULL AND (wanted IS NULL OR is_like(text, wanted))
),
known AS (
    SELECT DISTINCT trace_id, process_id FROM candidates WHERE is_step
),
-- Patterns take time: only of what can be a step. And as numbers: there may be millions of ranges.
possible AS MATERIALIZED (
    SELECT
        candidates.* EXCLUDE (text, is_step),
        wanted IS NOT NULL OR known.process_id IS NOT NULL AS is_named,
        hash(text_pattern(text)) AS pattern_id
    FROM candidates
    LEFT JOIN known USING (trace_id, process_id)
    WHERE wanted IS NOT NULL OR is_step OR known.process_id IS NULL
),
repeated AS (
    SELECT thread_id, pattern_id, bool_and(is_pushed) AS are_pushed
    FROM possible
    GROUP BY thread_id, pattern_id
    HAVING bool_or(is_named) OR count(*) > 1
),
eligible AS NOT MATERIALIZED (
    FROM possible JOIN repeated USING (thread_id, pattern_id)
),
-- Something that began before goes on until this one ends, or longer.
placed AS MATERIALIZED (
    SELECT *, held_until(start_ns, until_ns, range_id, thread_id) AS open_until_ns FROM eligible
),
-- But start/end ranges of one kind, such as requests, run beside each other.
beside AS (
    SELECT range_id
    FROM (
        SELECT
            range_id,
            is_pushed,
            open_until_ns,
            held_until(start_ns, until_ns, range_id, (thread_id, pattern_id)) AS alike_until_ns
        FROM placed
        WHERE NOT are_pushed
    )
    WHERE NOT is_pushed AND alike_until_ns = open_until_ns
),
outermost AS MATERIALIZED (
    FROM placed WHERE (open_until_ns >= until_ns AND range_id NOT IN (FROM beside)) IS NOT TRUE
),
patterns AS (
    SELECT
        trace_id,
        process_id,
        pattern_id,
        bool_or(is_run) AS is_run,
        bool_or(has_operations) AND bool_or(is_run AND NOT is_of_library) AS has_work,
        sum(known_ns) AS pattern_ns,
        min(range_id) AS range_id
    FROM outermost
    WHERE NOT is_named
    GROUP BY trace_id, process_id, pattern_id
),
longest AS (
    SELECT
        patterns.trace_id,
        patterns.process_id,
        arg_max(pattern_id, (is_run, has_work, pattern_ns, text_pattern(text))) AS pattern_id
    FROM patterns
    JOIN nvtx_ranges USING (range_id)
    GROUP BY ALL
)
SELECT range_id FROM outermost WHERE is_named
UNION ALL
SELECT range_id FROM outermost SEMI JOIN longest USING (trace_id, process_id, pattern_id)
