-- Which steps were slowest, and what code ran in them that ran less in others?
--
-- Steps are those of step-summary, the slowest ones those that lasted longest on the CPU. Of each, the
-- functions that samples of the CPUs and of Python found while it lasted, beside how often they are found in
-- a step of its thread: the median of all its steps, those counted that have none. First the functions that
-- ran themselves more than in the median step, then those that had called what did. A sample stands for about
-- as much time as any other of its kind; of CPUs only threads that run have some, of Python also those that
-- wait. What a thread waited for is in no sample of CPUs, and who woke it nsys does not record: see
-- thread-activity and cpu-in-gap.
-- @of     timeline
-- @unites trace
-- @param  step VARCHAR = NULL          text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose samples a step has: its thread's or its process's
-- @param  samples VARCHAR(cpu|python|*) = '*'  cpu, or python for those of Python's interpreter; * for both
-- @param  steps BIGINT = 3             how many steps of each trace; NULL for all
-- @param  limit BIGINT = 10            functions of each step and kind of samples; NULL for all
-- @needs  cpu_samples|python_samples
-- @needs  nvtx_ranges
-- @column trace VARCHAR                name of the trace
-- @column pid BIGINT                   process
-- @column tid BIGINT                   thread of the step
-- @column step BIGINT                  0 for the first of its thread
-- @column range VARCHAR                NVTX message
-- @column start_ns BIGINT              start on the CPU
-- @column duration_ns BIGINT           time on the CPU
-- @column median_ns DOUBLE             of the steps of its thread
-- @column slower_pct DOUBLE            by how much it lasted longer than that
-- @column kind VARCHAR                 CPU samples or Python samples; NULL if none was taken in it
-- @column step_samples BIGINT          samples of the kind that were taken in it; NULL if its trace has none
-- @column frame VARCHAR                function; NULL if none was sampled
-- @column self_samples BIGINT          samples in which it was what ran
-- @column median_self_samples DOUBLE   the same of the median step
-- @column total_samples BIGINT         samples in which it ran or had called what ran
-- @column median_total_samples DOUBLE  the same of the median step
-- @column total_pct DOUBLE             of the step's samples of the kind
-- @chart  bars x=frame y=self_samples
-- @section timeline 48 What the CPUs did
-- @empty  No step: no range is like the one asked for, or repeats, and has an end. See the query nvtx-sum for
-- @empty  what to name with --step.

WITH numbered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY trace_id, process_id, tid ORDER BY start_ns, range_id
        ) - 1 AS step
    FROM steps_of($step)
),
timed AS (
    SELECT
        trace,
        numbered.trace_id,
        process_id,
        pid,
        tid,
        step,
        range_id,
        text AS range,
        start_ns,
        end_ns,
        duration_ns,
        median(duration_ns) OVER (PARTITION BY numbered.trace_id, process_id, tid) AS median_ns,
        row_number() OVER (
            PARTITION BY numbered.trace_id ORDER BY duration_ns DESC, start_ns, range_id
        ) AS place
    FROM numbered
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE duration_ns IS NOT NULL
),
slowest AS (
    FROM timed WHERE within_limit(place, $steps)
),
looks AS (
    FROM (
        SELECT 'cpu' AS sampled, trace_id, process_id, tid, time_ns, stack_id, 'CPU samples' AS kind
        FROM cpu_samples
        UNION ALL
        SELECT 'python', trace_id, process_id, tid, time_ns, stack_id, 'Python samples' FROM python_samples
    )
    WHERE $samples IN (sampled, '*')
),
-- In a stretch of time without samples there are none; where none were recorded their number is not known.
recorded AS (
    SELECT trace_id
    FROM traces
    WHERE ($samples IN ('cpu', '*') AND NOT list_contains(missing, 'cpu_samples'))
        OR ($samples IN ('python', '*') AND NOT list_contains(missing, 'python_samples'))
),
found AS (
    SELECT timed.range_id, looks.trace_id, kind, stack_id, count(*) AS samples
    FROM timed
    JOIN looks
        ON looks.trace_id = timed.trace_id AND looks.process_id = timed.process_id
        AND time_ns >= start_ns AND time_ns < end_ns
    WHERE is_by_process($by) OR looks.tid = timed.tid
    GROUP BY ALL
),
frames AS (
    SELECT
        trace_id,
        stack_id,
        frame_called(frame_function, frame_module, frame_file, is_kernel_mode) AS frame,
        bool_or(frame_depth = 0) AS is_innermost
    FROM call_stacks
    SEMI JOIN found USING (trace_id, stack_id)
    GROUP BY ALL
),
counted AS (
    SELECT
        range_id,
        kind,
        coalesce(frame, '[no stack]') AS frame,
        sum(samples) FILTER (coalesce(is_innermost, true)) AS self_samples,
        sum(samples) AS total_samples
    FROM found
    LEFT JOIN frames USING (trace_id, stack_id)
    GROUP BY ALL
),
-- Of the functions that a slow step has, how often each step of its thread has them.
asked AS (
    SELECT DISTINCT trace_id, process_id, tid, kind, frame FROM counted JOIN slowest USING (range_id)
),
medians AS (
    SELECT
        asked.trace_id,
        asked.process_id,
        asked.tid,
        kind,
        frame,
        median(coalesce(self_samples, 0)) AS median_self_samples,
        median(coalesce(total_samples, 0)) AS median_total_samples
    FROM asked
    JOIN timed USING (trace_id, process_id, tid)
    LEFT JOIN counted USING (range_id, kind, frame)
    GROUP BY ALL
),
sums AS (
    SELECT range_id, kind, sum(samples) AS step_samples FROM found GROUP BY ALL
),
compared AS (
    SELECT
        counted.range_id,
        counted.kind,
        counted.frame,
        step_samples,
        coalesce(self_samples, 0) AS self_samples,
        median_self_samples,
        total_samples,
        median_total_samples
    FROM counted
    JOIN slowest USING (range_id)
    JOIN medians USING (trace_id, process_id, tid, kind, frame)
    JOIN sums USING (range_id, kind)
    QUALIFY within_limit(
        row_number() OVER (
            PARTITION BY counted.range_id, counted.kind
            ORDER BY coalesce(self_samples, 0) - median_self_samples DESC,
                     total_samples - median_total_samples DESC, counted.frame
        ),
        $limit
    )
)
SELECT
    trace,
    pid,
    tid,
    step,
    range,
    start_ns,
    duration_ns,
    median_ns,
    percent(duration_ns - median_ns, median_ns) AS slower_pct,
    kind,
    CASE WHEN recorded.trace_id IS NOT NULL THEN coalesce(step_samples, 0) END::BIGINT AS step_samples,
    frame,
    self_samples::BIGINT AS self_samples,
    median_self_samples,
    total_samples::BIGINT AS total_samples,
    median_total_samples,
    percent(total_samples, step_samples) AS total_pct
FROM slowest
LEFT JOIN compared USING (range_id)
LEFT JOIN recorded ON recorded.trace_id = slowest.trace_id
ORDER BY trace, place, kind, self_samples - median_self_samples DESC,
         total_samples - median_total_samples DESC, frame
