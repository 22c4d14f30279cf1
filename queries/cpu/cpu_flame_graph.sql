-- Which code do the CPUs run, by the stacks of samples: a flame graph?
--
-- A row for each place in the tree of calls, the outermost functions first: how often a sample found it to
-- be running or to have called what ran (total), and how often it was itself what ran (self). Samples are
-- taken of threads that run on a CPU, those of Python (--samples python) also of threads that wait: their
-- number stands for time. Functions of one name in one place are one row, whatever the line. Where nsys
-- found no symbol, the library stands in brackets; [Broken backtraces] are stacks whose outer frames it
-- could not find.
-- @of     timeline
-- @unites trace
-- @param  samples VARCHAR(cpu|python) = 'cpu'  cpu, or python for those of Python's interpreter
-- @param  by VARCHAR(trace|process|thread) = 'trace'  trace, or process or thread for a tree of each
-- @param  thread VARCHAR = '*'      thread, by its name or number, or a pattern of these
-- @param  min_pct DOUBLE = 0        only places that have so much of the samples
-- @needs  cpu_samples|python_samples
-- @column trace VARCHAR             name of the trace
-- @column frame VARCHAR             function; or process or thread, at the root
-- @column stack_level BIGINT        place in the tree: 1 is a root
-- @column self_samples BIGINT       samples in which it was what ran
-- @column total_samples BIGINT      samples in which it ran or had called what ran
-- @column self_pct DOUBLE           of all samples that were asked for
-- @column total_pct DOUBLE          of all samples that were asked for
-- @column first_sample BIGINT       how many samples lie left of it when the tree is drawn
-- @column path VARCHAR              functions from the root to this one, joined by ;
-- @chart  icicle x=first_sample length=total_samples y=stack_level label=frame color=self_pct
-- @section timeline 47 What the CPUs did | chart
-- @empty  No sample was taken there. CPU samples: nsys profile --sample=process-tree; of Python:
--         --python-sampling=true.

WITH looks AS (
    FROM (
        SELECT 'cpu' AS sampled, trace_id, process_id, tid, stack_id FROM cpu_samples
        UNION ALL
        SELECT 'python', trace_id, process_id, tid, stack_id FROM python_samples
    )
    WHERE sampled = $samples
),
counted AS (
    SELECT
        traces.trace,
        trace_id,
        CASE $by
            WHEN 'thread' THEN [concat_ws(' ', thread, 'thread', looks.tid, 'of process', pid_text)]
            WHEN 'process' THEN [concat_ws(' ', process, 'process', pid_text)]
            WHEN 'trace' THEN []::VARCHAR[]
        END AS root,
        stack_id,
        count(*) AS samples
    FROM looks
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN threads USING (trace_id, process_id, tid)
    LEFT JOIN process_texts USING (trace_id, process_id)
    WHERE is_like(looks.tid::VARCHAR, $thread) OR coalesce(is_like(thread, $thread), false)
    GROUP BY ALL
),
stacks AS (
    SELECT
        trace_id,
        stack_id,
        list(
            frame_called(frame_function, frame_module, frame_file, is_kernel_mode) ORDER BY frame_depth DESC
        ) AS frames
    FROM call_stacks
    SEMI JOIN counted USING (trace_id, stack_id)
    GROUP BY trace_id, stack_id
),
paths AS (
    SELECT trace, list_concat(root, coalesce(frames, ['[no stack]'])) AS path, sum(samples) AS samples
    FROM counted
    LEFT JOIN stacks USING (trace_id, stack_id)
    GROUP BY ALL
),
placed AS (
    SELECT
        trace,
        path,
        samples,
        sum(samples) OVER (PARTITION BY trace) AS all_samples,
        sum(samples) OVER (PARTITION BY trace ORDER BY path) - samples AS before
    FROM paths
),
nodes AS (
    SELECT *, unnest(range(1, len(path) + 1)) AS level FROM placed
)
SELECT
    trace,
    path[level] AS frame,
    level AS stack_level,
    coalesce(sum(samples) FILTER (level = len(path)), 0)::BIGINT AS self_samples,
    sum(samples)::BIGINT AS total_samples,
    percent(self_samples, any_value(all_samples)) AS self_pct,
    percent(total_samples, any_value(all_samples)) AS total_pct,
    min(before)::BIGINT AS first_sample,
    array_to_string(path[:level], ';') AS path
FROM nodes
GROUP BY trace, level, nodes.path[:level], nodes.path[level]
HAVING percent(sum(samples), any_value(all_samples)) >= $min_pct
ORDER BY trace, first_sample, stack_level
