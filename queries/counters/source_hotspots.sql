-- Which instructions or source lines of each kernel take its time?
--
-- ncu samples what the warps of each scheduler do: the next instruction of a warp, and what it waits for.
-- Those that were sampled most come first. Samples in which the scheduler issued nothing are the ones that
-- cost (not_issued_samples). What was counted in all launches of a kernel is added up. Reports hold code,
-- and no words for it: NVIDIA's library has them (traceql ingest --via ncu_report).
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(instruction|line) = 'instruction'  instruction, or line of the source
-- @param  launches BOOLEAN = false    each launch for itself, not all launches of a kernel together
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 5            instructions or lines of each kernel; NULL for all
-- @needs  metric_instances
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              kernel name
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled launches
-- @column address BIGINT              where the instruction lay; NULL of a line, and where launches differ
-- @column offset_bytes BIGINT         distance from the kernel's first one; NULL of a line, and if not known
-- @column sass VARCHAR                the instruction in words; NULL where nothing put it so
-- @column source_file VARCHAR         file that it comes from; NULL where the code has no lines
-- @column source_line INTEGER         line of that file
-- @column source_text VARCHAR         the line itself; NULL where the report does not hold the file
-- @column samples BIGINT              how often a warp was sampled there
-- @column not_issued_samples BIGINT   how often while its scheduler issued nothing
-- @column share_pct DOUBLE            share of all samples of the kernel
-- @column state VARCHAR               what it did or waited for most often, as warp_states calls it
-- @column state_pct DOUBLE            share of its samples
-- @column states MAP(VARCHAR, BIGINT)  samples in each state, the most frequent first
-- @column instructions BIGINT         how many were executed, by warp
-- @column instructions_pct DOUBLE     share of all that were executed
-- @column thread_instructions BIGINT  how many were executed, by thread
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  state_bars samples=samples share=share_pct states=states group=kernel launch=kernel_id sass=sass
--         offset=offset_bytes address=address file=source_file line=source_line text=source_text
-- @section counters 58.5 Hot spots | drawn
-- @note   SELECT sass_without_words(list(trace ORDER BY trace))
-- @note   FROM (FROM answer SELECT trace GROUP BY trace HAVING count(offset_bytes) > 0 AND count(sass) = 0)
-- @note   UNION ALL
-- @note   SELECT format('The lines themselves are not recorded in {}: ncu --import-source yes records them.',
-- @note   listed(list(trace ORDER BY trace)))
-- @note   FROM (FROM answer SELECT trace GROUP BY trace
-- @note   HAVING count(source_line) > 0 AND count(source_text) = 0) HAVING count(*) > 0

WITH workloads AS (
    SELECT
        kernel_id,
        traces.trace,
        group_name AS kernel,
        launch_id,
        coalesce(demangled, kernels.name) AS function,
        dense_rank() OVER (ORDER BY traces.trace, group_name, launch_id) AS number
    FROM profiled_as(if($launches, 'launch', 'kernel'), $names, $kernel, '') AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
-- What each metric counts; of the states, those in which the scheduler issued nothing are counted again.
roles AS (
    SELECT
        instance_metric,
        CASE instance_metric
            WHEN 'smsp__pcsamp_sample_count' THEN 'samples'
            WHEN 'inst_executed' THEN 'instructions'
            WHEN 'thread_inst_executed' THEN 'threads'
            ELSE if(ends_with(instance_metric, '_not_issued'), 'not_issued', 'state') END AS role,
        CASE WHEN role = 'state'
             THEN replace(
                 split_part(instance_metric, '_stalled_', 2), 'no_instructions', 'no_instruction'
             ) END AS state
    FROM (SELECT DISTINCT instance_metric FROM metric_instances)
    WHERE instance_metric IN ('inst_executed', 'thread_inst_executed', 'smsp__pcsamp_sample_count')
        OR starts_with(instance_metric, 'smsp__pcsamp_warps_issue_stalled_')
),
counted AS (
    SELECT number, kernel_id, instance_id AS address, role, state, instance_value AS value
    FROM metric_instances
    JOIN roles USING (instance_metric)
    JOIN workloads USING (kernel_id)
    WHERE instance_id IS NOT NULL AND (instance_value > 0 OR role IN ('samples', 'instructions'))
),
entries AS (
    SELECT kernel_id, min(instance_value)::BIGINT AS first_address
    FROM metric_instances
    WHERE instance_metric = 'launch__function_pcs'
    GROUP BY kernel_id
),
located AS (
    SELECT
        kernel_id,
        addresses.number,
        address,
        coalesce(placed_at, address) AS place_address,
        placed_at - first_address AS offset_bytes,
        sass,
        source_file,
        source_line,
        source_text,
        (coalesce(offset_bytes, address), function) AS distance,
        CASE WHEN source_line IS NOT NULL THEN (source_file, source_line) END AS line
    FROM (SELECT DISTINCT number, kernel_id, address FROM counted) AS addresses
    JOIN instruction_places USING (kernel_id, address)
    JOIN (SELECT kernel_id, function FROM workloads) AS functions USING (kernel_id)
    LEFT JOIN entries USING (kernel_id)
    LEFT JOIN sass_instructions
        ON sass_instructions.kernel_id = addresses.kernel_id AND sass_instructions.address = placed_at
),
-- Launches of a function have an instruction in common that is as far from the first one, all have a line by
-- file and number. Two programs may call functions alike: what is known to be of different lines is no one
-- instruction.
instructions AS (
    SELECT
        * EXCLUDE (distance, line),
        CASE $by
            WHEN 'instruction' THEN dense_rank() OVER (ORDER BY distance, if(is_one, NULL, line))
            WHEN 'line' THEN dense_rank() OVER (ORDER BY source_file, source_line) END AS place
    FROM (
        SELECT *, coalesce(min(line) OVER alike = max(line) OVER alike, true) AS is_one
        FROM located
        WINDOW alike AS (PARTITION BY number, distance)
    )
),
places AS (
    SELECT
        number,
        place,
        CASE WHEN $by = 'instruction' THEN of_one(place_address, place_address) END AS address,
        CASE WHEN $by = 'instruction' THEN max(offset_bytes) END AS offset_bytes,
        CASE WHEN $by = 'instruction' THEN max(sass) END AS sass,
        max(source_file) AS source_file,
        max(source_line) AS source_line,
        max(source_text) AS source_text
    FROM instructions
    GROUP BY number, place
),
by_role AS (
    SELECT counted.number, place, role, state, sum(value)::BIGINT AS value
    FROM counted
    JOIN instructions USING (kernel_id, address)
    GROUP BY ALL
),
hot AS (
    SELECT
        number,
        place,
        sum(value) FILTER (role = 'samples') AS samples,
        sum(value) FILTER (role = 'not_issued') AS not_issued_samples,
        list((state, value) ORDER BY value DESC, state) FILTER (role = 'state') AS by_state,
        sum(value) FILTER (role = 'instructions') AS instructions,
        sum(value) FILTER (role = 'threads') AS thread_instructions
    FROM by_role
    GROUP BY number, place
),
groups AS (
    SELECT
        number,
        trace,
        kernel,
        launch_id,
        count(*) AS kernels,
        sum(coalesce(sampled, counters['smsp__pcsamp_sample_count'])) AS all_samples,
        sum(all_instructions) AS all_instructions,
        sum(all_threads) AS all_threads,
        lacking('samples and counts of instructions', has_instructions, '--section SourceCounters') AS lacks
    FROM workloads
    LEFT JOIN (
        SELECT
            kernel_id,
            sum(value) FILTER (role = 'samples') AS sampled,
            sum(value) FILTER (role = 'instructions') AS all_instructions,
            sum(value) FILTER (role = 'threads') AS all_threads,
            1 AS has_instructions
        FROM counted
        GROUP BY kernel_id
    ) USING (kernel_id)
    -- A short kernel is over before its first sample.
    LEFT JOIN counters_named(['smsp__pcsamp_sample_count']) USING (kernel_id)
    GROUP BY ALL
)
SELECT
    trace,
    kernel,
    launch_id AS kernel_id,
    kernels,
    address,
    offset_bytes,
    sass,
    source_file,
    source_line,
    source_text,
    -- What was counted and never sampled, or the other way round, has none.
    coalesce(samples, all_samples * 0)::BIGINT AS samples,
    coalesce(not_issued_samples, all_samples * 0)::BIGINT AS not_issued_samples,
    percent(coalesce(samples, all_samples * 0), all_samples) AS share_pct,
    by_state[1][1] AS state,
    percent(by_state[1][2], samples) AS state_pct,
    map_from_entries(by_state) AS states,
    coalesce(instructions, all_instructions * 0)::BIGINT AS instructions,
    percent(coalesce(instructions, all_instructions * 0), all_instructions) AS instructions_pct,
    coalesce(thread_instructions, all_threads * 0)::BIGINT AS thread_instructions,
    nullif(concat_ws('; ', lacks, CASE WHEN $by = 'line' AND place IS NOT NULL AND source_line IS NULL
        THEN 'source lines (nvcc -lineinfo, and no --import-sass no)' END), '') AS lacks
FROM groups
LEFT JOIN hot USING (number)
LEFT JOIN places USING (number, place)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY number ORDER BY samples DESC NULLS LAST, instructions DESC NULLS LAST, place
    ),
    $limit
)
ORDER BY trace, all_samples DESC NULLS LAST, kernel, launch_id, samples DESC NULLS LAST,
    instructions DESC NULLS LAST, place
