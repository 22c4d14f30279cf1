-- Which instructions does each kernel execute, and how often?
--
-- Executed SASS instructions by opcode (FFMA, LDG), by opcode with modifiers (LDG.E.64) or by category
-- (Load/Store), the most frequent of each kernel first; one that a warp executes counts once. Threads are
-- those that the instruction had an effect in: not switched off by a branch or predicate. Of categories ncu
-- counts all threads that ran it, those that a predicate switched off, too. What was counted in all launches
-- of a kernel is added up.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  of VARCHAR(opcode|modifier|category) = 'opcode'  opcode, modifier (opcodes with their modifiers) or
--         category
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 10           opcodes of each kernel; NULL for all
-- @needs  metric_instances
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column opcode VARCHAR              of the instructions, or their category; NULL if not recorded
-- @column instructions BIGINT         how many were executed, by warp
-- @column instructions_pct DOUBLE     share of all that were executed
-- @column thread_instructions BIGINT  how many were executed, by thread
-- @column threads_per_instruction DOUBLE  threads of a warp, of 32, that are counted so for an instruction
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  share_bars x=group_name y=instructions_pct part=opcode group=kernel_id
-- @section counters 59.2 Pipes | drawn

WITH asked AS (
    SELECT
        CASE $of
            WHEN 'opcode' THEN 'sass__inst_executed_per_opcode'
            WHEN 'modifier' THEN 'sass__inst_executed_per_opcode_with_modifier_all'
            WHEN 'category' THEN 'sass__inst_executed_per_opcode_category' END AS by_warp,
        CASE $of
            WHEN 'opcode' THEN 'sass__thread_inst_executed_true_per_opcode'
            WHEN 'modifier' THEN 'sass__thread_inst_executed_true_per_opcode_with_modifier_all'
            ELSE 'sass__thread_inst_executed_per_opcode_category' END AS by_thread
),
executed AS (
    SELECT
        kernel_id,
        instance_name AS opcode,
        sum(instance_value) FILTER (instance_metric = by_warp) AS instructions,
        sum(instance_value) FILTER (instance_metric = by_thread) AS thread_instructions
    FROM metric_instances
    JOIN asked ON instance_metric IN (by_warp, by_thread)
    WHERE instance_name IS NOT NULL
    GROUP BY ALL
),
workloads AS (
    SELECT traces.trace, group_name, launch_id, kernels.kernel_id, kernels.duration_ns
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
groups AS (
    SELECT
        trace,
        group_name,
        launch_id,
        count(*) AS kernels,
        sum(duration_ns)::BIGINT AS gpu_ns,
        lacking('instructions by opcode', all_instructions, '--section SourceCounters') AS lacks,
        sum(all_instructions) AS all_instructions
    FROM workloads
    LEFT JOIN (SELECT kernel_id, sum(instructions) AS all_instructions FROM executed GROUP BY kernel_id)
        USING (kernel_id)
    GROUP BY ALL
),
opcodes AS (
    SELECT
        trace,
        group_name,
        launch_id,
        opcode,
        sum(instructions) AS instructions,
        sum(thread_instructions) AS thread_instructions
    FROM workloads
    JOIN executed USING (kernel_id)
    GROUP BY ALL
)
SELECT
    groups.trace,
    groups.group_name,
    groups.launch_id AS kernel_id,
    kernels,
    gpu_ns,
    opcode,
    instructions::BIGINT AS instructions,
    percent(instructions, all_instructions) AS instructions_pct,
    thread_instructions::BIGINT AS thread_instructions,
    thread_instructions / nullif(instructions, 0) AS threads_per_instruction,
    lacks
FROM groups
LEFT JOIN opcodes
    ON opcodes.trace = groups.trace AND opcodes.group_name IS NOT DISTINCT FROM groups.group_name
    AND opcodes.launch_id IS NOT DISTINCT FROM groups.launch_id
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY groups.trace, groups.group_name, groups.launch_id
        ORDER BY instructions DESC NULLS LAST, opcode
    ),
    $limit
)
ORDER BY groups.trace, gpu_ns DESC NULLS LAST, groups.group_name, groups.launch_id,
    instructions DESC NULLS LAST, opcode
