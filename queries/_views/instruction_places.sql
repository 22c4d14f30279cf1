-- Where each instruction that ncu counted or sampled lies in the code of its launch.
--
-- With application replay each pass is a process of its own, in which code may lie elsewhere: what was
-- sampled is then as far in a page of 2 MiB as what was counted, and the page is another one. A warp that has
-- ended is sampled at the next instruction.
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the launch, see kernels
-- @column address BIGINT    where it lay when it was counted or sampled, as metric_instances has it
-- @column placed_at BIGINT  where it lies in sass_instructions; NULL if it fits nowhere

WITH seen AS (
    SELECT
        trace_id,
        kernel_id,
        instance_id AS address,
        bool_or(instance_metric = 'inst_executed') AS is_counted
    FROM metric_instances
    WHERE instance_id IS NOT NULL
        AND (instance_metric IN ('inst_executed', 'thread_inst_executed', 'smsp__pcsamp_sample_count')
             OR starts_with(instance_metric, 'smsp__pcsamp_warps_issue_stalled_'))
    GROUP BY trace_id, kernel_id, instance_id
),
extents AS (
    SELECT kernel_id, min(address) AS lowest, max(address) + 16 AS highest
    FROM seen
    WHERE is_counted
    GROUP BY kernel_id
)
SELECT
    trace_id,
    trace,
    kernel_id,
    address,
    CASE WHEN coalesce(address BETWEEN lowest AND highest, true) THEN address
         WHEN moved <= highest THEN moved END AS placed_at
FROM (
    SELECT *, lowest + ((address - lowest) & 2097151) AS moved
    FROM seen
    LEFT JOIN extents USING (kernel_id)
)
JOIN traces USING (trace_id)
