-- By how much did times on the GPU change between two sides, and how sure is that?
--
-- Work of both sides is matched: launches by NVTX path, name and number (see the view kernel_keys; GPUs by
-- their order), copies, ranges and steps likewise. What not every trace has is counted apart, and is in no
-- effect. What a row is about is cut, in the order of time, into twenty blocks of equal time in the baseline,
-- or as many as there are launches, and the time of a block is compared with the same block of the baseline.
-- The mean over blocks leaves out a tenth at each end: what happens once, as the first step of a program,
-- does not decide.
--
-- With several traces on both sides, each trace has one number, its mean over blocks, and the interval is
-- Welch's t over traces: runs are independent of each other, and about normal. With one on one side and three
-- or more on the other it is Student's t: the one comes from runs that spread as the others do. Else it is
-- that of the mean over blocks: blocks are long enough not to depend on each other, and by how much runs of
-- one program differ is not known. Intervals are of 95 %, row by row.
-- @of     window
-- @param  baseline VARCHAR[]          trace before the change
-- @param  variant VARCHAR[]           trace after it
-- @param  topic VARCHAR = '*'         one or a pattern: trace, step, range, category, kernel, copy
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  kernels|memory_ops|graph_launches
-- @column topic VARCHAR               trace (all of it), step, range, category, kernel or copy
-- @column path VARCHAR                NVTX path of a range; else NULL
-- @column name VARCHAR                of the category, kernel or copy; the range's domain; else NULL
-- @column measure VARCHAR             gpu_ns, gpu_busy_ns; of steps also pace_ns, from one to the next
-- @column matched BIGINT              launches, ranges or steps that every trace has
-- @column baseline_only BIGINT        those that the baseline has, but not every trace
-- @column variant_only BIGINT         those that the variant has, but not every trace
-- @column baseline_ns DOUBLE          time of those matched; the mean of several traces
-- @column variant_ns DOUBLE           the same of the variant
-- @column baseline_only_ns DOUBLE     time of those not matched, in the baseline
-- @column variant_only_ns DOUBLE      in the variant
-- @column baseline_outside_ns DOUBLE  of baseline_only_ns, what no step holds; NULL but of topic trace
-- @column variant_outside_ns DOUBLE   the same of the variant
-- @column share_pct DOUBLE            of the baseline's time of kernels and copies, matched or not
-- @column effect_pct DOUBLE           by how much the variant takes longer, in percent of the baseline
-- @column low_pct DOUBLE              lower end of the confidence interval of the effect, at least -100
-- @column high_pct DOUBLE             upper end; NULL of fewer than three blocks in runs alone
-- @column method VARCHAR              welch or student, over traces; blocks, within runs
-- @column blocks BIGINT               into which the time was cut
-- @column baseline_runs BIGINT        traces behind the baseline
-- @column variant_runs BIGINT         traces behind the variant
-- @column block_spread_pct DOUBLE     sample standard deviation of the effect over blocks
-- @column baseline_spread_pct DOUBLE  sample standard deviation over traces of the baseline; NULL for one
-- @column variant_spread_pct DOUBLE   the same of the variant
-- @title  baseline_ns Baseline
-- @title  variant_ns Variant
-- @chart  dumbbell y=name a=baseline_ns b=variant_ns measure=measure topic=topic place=path
-- @empty  Nothing of that topic ran on a GPU in any of the traces.

WITH chosen AS (
    SELECT side, trace_id, has_timeline FROM compared_traces($baseline, $variant)
),
runs AS (
    SELECT
        count(*) AS traces,
        count(*) FILTER (side = 'baseline') AS baseline_runs,
        count(*) FILTER (side = 'variant') AS variant_runs
    FROM chosen
),
named AS (
    FROM kernels_called($names, '*')
),
launched AS (
    SELECT
        keys.trace_id,
        'kernel' AS topic,
        process_number,
        keys.device_id,
        path AS place,
        kernel AS name,
        category,
        instance,
        coalesce(start_ns, kernel_id) AS begun_ns,
        duration_ns AS value,
        'kernel' AS kind,
        kernel_id AS operation_id
    FROM launch_keys('named') AS keys
    JOIN kernels USING (kernel_id)
    LEFT JOIN kernels_categorised AS groups ON groups.full_name = coalesce(demangled, kernels.name)
    WHERE keys.trace_id IN (SELECT trace_id FROM chosen)
),
-- Copies and whole graphs under keys of the same form.
others AS (
    SELECT
        work.trace_id,
        kind,
        dense_rank() OVER (PARTITION BY work.trace_id, device_id ORDER BY work.pid, work.process_id)
            AS process_number,
        device_id,
        coalesce(path, '') AS place,
        CASE kind WHEN 'graph' THEN kind ELSE operation[7:-2] END AS name,
        work.start_ns AS begun_ns,
        work.duration_ns AS value,
        work.process_id,
        operation_id
    FROM gpu_operations AS work
    LEFT JOIN nvtx_ranges USING (range_id)
    WHERE kind <> 'kernel' AND work.trace_id IN (SELECT trace_id FROM chosen)
),
numbered AS (
    SELECT
        trace_id,
        CASE kind WHEN 'graph' THEN kind ELSE 'copy' END AS topic,
        process_number,
        device_id,
        place,
        name,
        row_number() OVER (
            PARTITION BY trace_id, process_id, device_id, place, name ORDER BY begun_ns, operation_id
        ) AS instance,
        begun_ns,
        value,
        kind,
        operation_id
    FROM others
),
-- GPUs in the order of their ordinals: another run may have had others.
worked AS (
    SELECT *, dense_rank() OVER (PARTITION BY trace_id, topic, process_number ORDER BY device_id) AS device
    FROM (FROM launched UNION ALL BY NAME FROM numbered)
),
owners AS (
    SELECT
        trace_id,
        process_id,
        dense_rank() OVER (PARTITION BY trace_id ORDER BY pid, process_id) AS process_number
    FROM (SELECT DISTINCT trace_id, process_id, pid FROM gpu_operations)
),
named_steps AS (
    FROM steps_of(NULL)
),
kernel_steps AS (
    FROM steps_of_kernels('named_steps', NULL)
),
-- What the time of a step counts: what its thread launched in it, or what began between its kernels.
in_steps AS (
    SELECT kind, operation_id
    FROM work_in_ranges('named_steps', 'gpu_operations', 'thread')
    WHERE is_like('trace', $topic)
    UNION
    SELECT kind, operation_id
    FROM gpu_operations AS work
    ASOF JOIN kernel_steps
        ON kernel_steps.trace_id = work.trace_id AND kernel_steps.process_id = work.process_id
        AND kernel_steps.gpu_id IS NOT DISTINCT FROM work.gpu_id AND work.start_ns >= gpu_start_ns
    WHERE is_like('trace', $topic) AND work.start_ns <= gpu_end_ns
),
steps AS (
    SELECT
        trace_id,
        process_id,
        step_text AS place,
        tid,
        gpu_start_ns,
        gpu_busy_ns,
        row_number() OVER (
            PARTITION BY trace_id, process_id, step_text ORDER BY start_ns, range_id
        ) AS instance
    FROM named_steps
    WHERE is_like('step', $topic)
    UNION ALL
    SELECT
        trace_id,
        process_id,
        NULL,
        NULL,
        gpu_start_ns,
        gpu_busy_ns,
        row_number() OVER (PARTITION BY trace_id, process_id ORDER BY gpu_start_ns)
    FROM kernel_steps
    WHERE is_like('step', $topic)
),
paced AS (
    SELECT
        *,
        lead(gpu_start_ns) OVER (
            PARTITION BY trace_id, process_id, tid ORDER BY gpu_start_ns, instance
        ) - gpu_start_ns AS pace_ns
    FROM steps
    WHERE gpu_start_ns IS NOT NULL
),
ranges AS (
    SELECT
        trace_id,
        process_id,
        path,
        domain,
        gpu_start_ns,
        gpu_busy_ns,
        row_number() OVER (
            PARTITION BY trace_id, process_id, path, domain ORDER BY start_ns, range_id
        ) AS instance
    FROM nvtx_ranges
    WHERE is_like('range', $topic) AND style <> 'mark' AND gpu_start_ns IS NOT NULL
),
-- What rows are about. Texts are numbers from here on, in their order: all of these are grouped and sorted.
abouts AS (
    SELECT *, row_number() OVER () AS about_id
    FROM (
        SELECT 'trace' AS topic, NULL AS path, NULL AS name, 'gpu_ns' AS measure
        UNION ALL
        SELECT DISTINCT topic, NULL, name, 'gpu_ns' FROM worked WHERE topic <> 'graph'
        UNION ALL
        SELECT DISTINCT 'category', NULL, category, 'gpu_ns' FROM worked WHERE category IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'range', path, domain, 'gpu_busy_ns' FROM ranges
        UNION ALL
        SELECT 'step', NULL, NULL, measure FROM (VALUES ('gpu_busy_ns'), ('pace_ns')) AS measures(measure)
    )
    WHERE is_like(topic, $topic)
),
names AS (
    SELECT called.*, row_number() OVER (ORDER BY called.topic, called.name) AS name_id, about_id
    FROM (SELECT DISTINCT topic, name FROM worked) AS called
    LEFT JOIN abouts ON abouts.topic = called.topic AND abouts.name IS NOT DISTINCT FROM called.name
),
places AS (
    SELECT place, row_number() OVER (ORDER BY place) AS place_id
    FROM (SELECT place FROM worked UNION SELECT place FROM steps)
),
pieces AS (
    SELECT
        worked.trace_id,
        unnest([of_trace.about_id, names.about_id, of_category.about_id]) AS about_id,
        process_number,
        device,
        place_id,
        name_id,
        instance,
        begun_ns,
        value,
        in_steps.operation_id IS NULL AS is_outside
    FROM worked
    JOIN names ON names.topic = worked.topic AND names.name IS NOT DISTINCT FROM worked.name
    LEFT JOIN places ON places.place IS NOT DISTINCT FROM worked.place
    LEFT JOIN in_steps USING (kind, operation_id)
    LEFT JOIN (FROM abouts WHERE topic = 'trace') AS of_trace ON true
    LEFT JOIN (FROM abouts WHERE topic = 'category') AS of_category ON of_category.name = worked.category
    UNION ALL
    SELECT trace_id, about_id, process_number, NULL, NULL, NULL, instance, gpu_start_ns, gpu_busy_ns, false
    FROM ranges
    JOIN owners USING (trace_id, process_id)
    JOIN (FROM abouts WHERE topic = 'range') AS of_range
        ON of_range.path IS NOT DISTINCT FROM ranges.path AND of_range.name IS NOT DISTINCT FROM domain
    UNION ALL
    SELECT
        trace_id,
        about_id,
        process_number,
        NULL,
        place_id,
        NULL,
        instance,
        gpu_start_ns,
        CASE measure WHEN 'pace_ns' THEN pace_ns ELSE gpu_busy_ns END,
        false
    FROM paced
    JOIN owners USING (trace_id, process_id)
    LEFT JOIN places ON places.place IS NOT DISTINCT FROM paced.place
    JOIN (FROM abouts WHERE topic = 'step') AS of_step ON true
),
-- Each is in a trace once.
keyed AS (
    SELECT
        about_id,
        process_number,
        device,
        place_id,
        name_id,
        instance,
        count(*) = (SELECT traces FROM runs) AS is_matched,
        avg(value) FILTER (side = 'baseline') AS usual_ns,
        min(trace_id) FILTER (side = 'baseline') AS first_trace,
        arg_min(begun_ns, trace_id) FILTER (side = 'baseline') AS first_begun_ns,
        list(trace_id) AS trace_ids,
        list(value) AS found,
        count(*) FILTER (side = 'baseline') AS in_baseline,
        count(*) FILTER (side = 'variant') AS in_variant,
        sum(value) FILTER (side = 'baseline') AS in_baseline_ns,
        sum(value) FILTER (side = 'variant') AS in_variant_ns,
        sum(value) FILTER (side = 'baseline' AND is_outside) AS outside_baseline_ns,
        sum(value) FILTER (side = 'variant' AND is_outside) AS outside_variant_ns
    FROM pieces
    JOIN chosen USING (trace_id)
    WHERE value IS NOT NULL AND about_id IS NOT NULL
    GROUP BY about_id, process_number, device, place_id, name_id, instance
),
cut AS (
    SELECT
        about_id,
        trace_ids,
        found,
        least(19, floor(
            20 * (sum(usual_ns) OVER in_turn - usual_ns / 2)
            / nullif(sum(usual_ns) OVER (PARTITION BY about_id), 0)
        )) AS block
    FROM keyed
    WHERE is_matched
    WINDOW in_turn AS (
        PARTITION BY about_id
        ORDER BY first_trace, first_begun_ns, process_number, device, place_id, name_id, instance
    )
),
summed AS (
    SELECT about_id, block, side, trace_id, block_ns
    FROM (
        SELECT about_id, block, trace_id, sum(value) AS block_ns
        FROM (SELECT about_id, block, unnest(trace_ids) AS trace_id, unnest(found) AS value FROM cut)
        GROUP BY ALL
    )
    JOIN chosen USING (trace_id)
),
compared AS (
    SELECT
        *,
        block_ns / nullif(avg(block_ns) FILTER (side = 'baseline') OVER (PARTITION BY about_id, block), 0)
            AS ratio
    FROM summed
),
of_runs AS (
    SELECT
        about_id,
        side,
        trace_id,
        sum(block_ns) AS matched_ns,
        trimmed_mean(list(ratio ORDER BY ratio) FILTER (ratio IS NOT NULL)) AS ratio
    FROM compared
    GROUP BY ALL
),
over_runs AS (
    SELECT
        about_id,
        avg(matched_ns) FILTER (side = 'baseline') AS baseline_ns,
        avg(matched_ns) FILTER (side = 'variant') AS variant_ns,
        avg(ratio) FILTER (side = 'baseline') AS baseline_ratio,
        avg(ratio) FILTER (side = 'variant') AS variant_ratio,
        stddev_samp(ratio) FILTER (side = 'baseline') AS baseline_spread,
        stddev_samp(ratio) FILTER (side = 'variant') AS variant_spread
    FROM of_runs
    GROUP BY about_id
),
of_blocks AS (
    SELECT about_id, block, avg(ratio) FILTER (side = 'variant') - 1 AS effect
    FROM compared
    WHERE ratio IS NOT NULL
    GROUP BY ALL
),
over_blocks AS (
    SELECT
        about_id,
        count(*) AS blocks,
        list(effect ORDER BY effect) AS effects,
        stddev_samp(effect) AS block_spread
    FROM of_blocks
    GROUP BY about_id
),
counted AS (
    SELECT
        about_id,
        count(*) FILTER (is_matched) AS matched,
        count(*) FILTER (NOT is_matched AND in_baseline > 0) AS baseline_only,
        count(*) FILTER (NOT is_matched AND in_variant > 0) AS variant_only,
        coalesce(sum(in_baseline_ns) FILTER (NOT is_matched), 0) AS baseline_only_ns,
        coalesce(sum(in_variant_ns) FILTER (NOT is_matched), 0) AS variant_only_ns,
        coalesce(sum(outside_baseline_ns) FILTER (NOT is_matched), 0) AS baseline_outside_ns,
        coalesce(sum(outside_variant_ns) FILTER (NOT is_matched), 0) AS variant_outside_ns
    FROM keyed
    GROUP BY about_id
),
of_all AS (
    SELECT sum(value) AS gpu_ns
    FROM worked
    JOIN chosen USING (trace_id)
    WHERE side = 'baseline'
),
estimated AS (
    SELECT
        *,
        least(baseline_runs, variant_runs) AS fewer_runs,
        greatest(baseline_runs, variant_runs) AS more_runs,
        CASE WHEN fewer_runs > 1 THEN 'welch' WHEN more_runs > 2 THEN 'student' ELSE 'blocks' END AS method,
        CASE method WHEN 'blocks' THEN trimmed_mean(effects) ELSE variant_ratio / baseline_ratio - 1 END
            AS effect,
        CASE WHEN method = 'welch'
                THEN welch_half_width(baseline_spread, baseline_runs, variant_spread, variant_runs)
                    / baseline_ratio
             WHEN method = 'student'
                THEN t_quantile(more_runs - 1) * coalesce(baseline_spread, variant_spread)
                    * sqrt(1 + 1 / more_runs) / baseline_ratio
             WHEN blocks > 2 THEN trimmed_half_width(effects) END AS half_width
    FROM counted
    LEFT JOIN over_runs USING (about_id)
    LEFT JOIN over_blocks USING (about_id)
    CROSS JOIN runs
    CROSS JOIN of_all
)
SELECT
    topic,
    path,
    name,
    measure,
    matched,
    baseline_only,
    variant_only,
    baseline_ns,
    variant_ns,
    baseline_only_ns / baseline_runs AS baseline_only_ns,
    variant_only_ns / variant_runs AS variant_only_ns,
    CASE topic WHEN 'trace' THEN baseline_outside_ns / baseline_runs END AS baseline_outside_ns,
    CASE topic WHEN 'trace' THEN variant_outside_ns / variant_runs END AS variant_outside_ns,
    percent(coalesce(baseline_ns, 0) + baseline_only_ns / baseline_runs, gpu_ns / baseline_runs) AS share_pct,
    100 * effect AS effect_pct,
    -- No time is shorter than none.
    CASE WHEN half_width IS NOT NULL THEN 100 * greatest(effect - half_width, -1) END AS low_pct,
    100 * (effect + half_width) AS high_pct,
    method,
    coalesce(blocks, 0) AS blocks,
    baseline_runs,
    variant_runs,
    100 * block_spread AS block_spread_pct,
    100 * baseline_spread AS baseline_spread_pct,
    100 * variant_spread AS variant_spread_pct
FROM estimated
JOIN abouts USING (about_id)
ORDER BY
    list_position(['trace', 'step', 'range', 'category', 'kernel', 'copy'], topic),
    -- What takes the time, first.
    coalesce(baseline_ns + variant_ns, 0) + baseline_only_ns + variant_only_ns DESC,
    {'topic': topic, 'path': path, 'name': name, 'measure': measure}
