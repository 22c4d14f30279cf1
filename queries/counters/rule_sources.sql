-- Which instructions and source lines do ncu's rules mean?
--
-- A row for each instruction or line that a rule marks, of each launch; what it says of a line once for each
-- of its instructions has one. Those of the advice that is worth most come first, as in rules; of one rule,
-- those that were sampled most. Rules do not say which of their results a mark is of: estimated_speedup_pct
-- is the highest of the rule. metric and value are what the rule looked at, as it weighs that itself: the
-- first by severity (high, default, low) and name.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  rule VARCHAR = '*'          identifier of a rule, or a pattern of it
-- @param  limit BIGINT = 20           rows per trace; NULL for all
-- @needs  source_markers
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              kernel name
-- @column kernel_id BIGINT            the launch, see kernels
-- @column share_pct DOUBLE            its share of the time of all profiled workloads of the trace
-- @column weighted_speedup_pct DOUBLE  by so much less time all would take; NULL without an estimate
-- @column estimated_speedup_pct DOUBLE  estimate of the rule; NULL if there is none
-- @column speedup_scope VARCHAR       global (of the kernel's time) or local (of a part)
-- @column kind VARCHAR                optimization, warning, ok, error or none
-- @column rule VARCHAR                identifier of the rule
-- @column message VARCHAR             what it says of the instruction or line
-- @column address BIGINT              where the instruction lay; NULL of a line
-- @column sass VARCHAR                the instruction in words; NULL where nothing put it so
-- @column source_file VARCHAR         file of the line, or that the instruction comes from; NULL if not known
-- @column source_line INTEGER         line of that file
-- @column source_text VARCHAR         the line itself; NULL where the report does not hold the file
-- @column samples BIGINT              how often a warp was sampled there; NULL if not recorded
-- @column metric VARCHAR              what the rule looked at
-- @column value DOUBLE                what it found
-- @note   SELECT sass_without_words(list(trace ORDER BY trace))
-- @note   FROM (FROM answer SELECT trace GROUP BY trace HAVING count(address) > 0 AND count(sass) = 0)
-- @empty  The rules mark nothing there: ncu --section SourceCounters --import-source yes lets them.

WITH wanted AS (
    SELECT traces.trace, group_name AS kernel, kernel_id, duration_ns, trace_ns
    FROM profiled_of_all('launch', $names, $kernel, '')
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
results AS (
    SELECT
        kernel_id,
        rule,
        section,
        max(estimated_speedup_pct) FILTER (speedup_scope = 'global') AS of_all,
        max(estimated_speedup_pct) FILTER (speedup_scope = 'local') AS of_part
    FROM advice
    GROUP BY kernel_id, rule, section
),
looked AS (
    SELECT
        kernel_id,
        focus_rule,
        focus_section,
        list(
            {'metric': focus_metric, 'value': focus_value}
            ORDER BY list_position(['high', 'default', 'low'], severity) NULLS LAST, focus_metric,
                focus_value NULLS LAST
        )[1] AS focus
    FROM focus_metrics
    GROUP BY kernel_id, focus_rule, focus_section
),
sampled AS (
    SELECT places.kernel_id, placed_at AS address, sum(instance_value) AS value
    FROM metric_instances AS instances
    JOIN instruction_places AS places
        ON places.kernel_id = instances.kernel_id AND places.address = instance_id
    WHERE instance_metric = 'smsp__pcsamp_sample_count' AND placed_at IS NOT NULL
    GROUP BY places.kernel_id, placed_at
),
lines AS (
    SELECT kernel_id, source_file, source_line, max(source_text) AS source_text, sum(value) AS value
    FROM sass_instructions
    LEFT JOIN sampled USING (kernel_id, address)
    GROUP BY kernel_id, source_file, source_line
),
marked AS (
    SELECT
        trace,
        kernel,
        wanted.kernel_id,
        percent(duration_ns, trace_ns) AS share_pct,
        coalesce(of_all, of_part) * duration_ns / nullif(trace_ns, 0) AS weighted_speedup_pct,
        coalesce(of_all, of_part) AS estimated_speedup_pct,
        CASE WHEN of_all IS NOT NULL THEN 'global' WHEN of_part IS NOT NULL THEN 'local' END AS speedup_scope,
        marker_kind AS kind,
        marker_rule AS rule,
        without_markup(marker_message) AS message,
        marker_address AS address,
        sass,
        coalesce(marker_file, instructions.source_file) AS source_file,
        coalesce(marker_line, instructions.source_line) AS source_line,
        coalesce(lines.source_text, instructions.source_text) AS source_text,
        -- What was never sampled, where others were, has none; code alone tells what belongs to a line.
        CASE WHEN coalesce(marker_address, lines.kernel_id) IS NOT NULL
             THEN coalesce(sampled.value, lines.value, counters['smsp__pcsamp_sample_count'] * 0)
             END::BIGINT AS samples,
        focus.metric,
        focus.value
    FROM wanted
    JOIN (SELECT DISTINCT * FROM source_markers) AS markers USING (kernel_id)
    LEFT JOIN results
        ON results.kernel_id = wanted.kernel_id AND results.rule = marker_rule AND section = marker_section
    LEFT JOIN looked
        ON looked.kernel_id = wanted.kernel_id AND focus_rule = marker_rule AND focus_section = marker_section
    LEFT JOIN sass_instructions AS instructions
        ON instructions.kernel_id = wanted.kernel_id AND instructions.address = marker_address
    LEFT JOIN sampled ON sampled.kernel_id = wanted.kernel_id AND sampled.address = marker_address
    LEFT JOIN counters_named(['smsp__pcsamp_sample_count']) AS counted
        ON counted.kernel_id = wanted.kernel_id
    LEFT JOIN lines
        ON lines.kernel_id = wanted.kernel_id AND lines.source_file = marker_file
        AND lines.source_line = marker_line
    WHERE is_like(marker_rule, $rule)
),
ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY trace
            ORDER BY speedup_scope NULLS LAST, order_of(weighted_speedup_pct) DESC NULLS LAST,
                share_pct DESC NULLS LAST, kernel_id, rule, samples DESC NULLS LAST, address NULLS LAST,
                source_file, source_line, kind, message
        ) AS place
    FROM marked
)
SELECT * EXCLUDE (place)
FROM ordered
WHERE within_limit(place, $limit)
ORDER BY trace, place
