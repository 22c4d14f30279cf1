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
-- Columns: those of nvtx_ranges, and step_text: the text without the number of the step.
-- @param  wanted VARCHAR  pattern on the text; NULL for none

WITH candidates AS (
    SELECT
        *,
        coalesce(end_ns, 9223372036854775807) AS until_ns,
        names_a_step(text) AS is_step
    FROM nvtx_ranges
    SEMI JOIN asked_traces USING (trace_id)
    WHERE style <> 'mark' AND text IS NOT NULL AND (wanted IS NULL OR is_like(text, wanted))
),
known AS (
    SELECT DISTINCT trace_id, process_id FROM candidates WHERE is_step
),
-- Patterns take time: only of what can be a step.
possible AS (
    SELECT candidates.*, known.process_id IS NOT NULL AS is_known, text_pattern(text) AS pattern
    FROM candidates
    LEFT JOIN known USING (trace_id, process_id)
    WHERE wanted IS NOT NULL OR is_step OR known.process_id IS NULL
),
eligible AS (
    SELECT *
    FROM possible
    QUALIFY wanted IS NOT NULL OR is_known
        OR count(*) OVER (PARTITION BY trace_id, process_id, tid, pattern) > 1
),
placed AS (
    SELECT
        *,
        held_until(start_ns, until_ns, range_id, (trace_id, process_id, tid)) AS open_until_ns,
        held_until(start_ns, until_ns, range_id, (trace_id, process_id, tid, pattern)) AS alike_until_ns
    FROM eligible
),
outermost AS (
    SELECT
        *,
        -- What XLA tries out are modules, too, but no programs.
        domain <> 'TSL' OR (starts_with(text, 'XlaModule:#') AND contains(text, 'program_id=')) AS is_run,
        coalesce(bool_or(gpu_operations > 0) OVER alike, false)
            AND is_run
            AND lower(domain) NOT IN (SELECT library_domains.domain FROM library_domains) AS has_work,
        -- Of what was never closed no time is known, and a NULL would be more than any.
        coalesce(sum(duration_ns) OVER alike, 0) AS pattern_ns
    FROM placed
    -- Something that began before goes on until this one ends, or longer; but start/end ranges of one kind,
    -- such as requests, run beside each other.
    WHERE (
        open_until_ns >= until_ns AND (style = 'pushpop' OR alike_until_ns IS DISTINCT FROM open_until_ns)
    ) IS NOT TRUE
    WINDOW alike AS (PARTITION BY trace_id, process_id, pattern)
)
SELECT
    * EXCLUDE (
        until_ns, pattern, is_step, is_known, open_until_ns, alike_until_ns, is_run, has_work, pattern_ns
    ),
    step_name(text) AS step_text
FROM outermost
QUALIFY wanted IS NOT NULL OR is_known
    OR pattern = arg_max(pattern, (is_run, has_work, pattern_ns, pattern))
        OVER (PARTITION BY trace_id, process_id)
