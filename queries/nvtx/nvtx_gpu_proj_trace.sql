-- When did the GPU work of each single NVTX range run?
--
-- The GPU work of a range is what API calls inside it launched on its thread, or by --by process on any
-- thread of its process: kernels, copies, memsets and graphs traced as a whole. Its projection reaches from
-- the first start to the last end of this work. Ranges without GPU work are left out.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = '*'           text or pattern of the ranges
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @needs  nvtx_ranges
-- @column trace VARCHAR                 name of the trace
-- @column domain VARCHAR                NVTX domain; empty for the default one
-- @column range VARCHAR                 NVTX message
-- @column projected_start_ns BIGINT     start of its first GPU operation
-- @column projected_duration_ns BIGINT  from there to the end of the operation that ended last
-- @column gpu_busy_ns BIGINT            time in which at least one of its operations ran
-- @column start_ns BIGINT               start on the CPU
-- @column duration_ns BIGINT            time on the CPU; NULL if it was never closed
-- @column style VARCHAR                 pushpop or startend
-- @column pid BIGINT                    process
-- @column tid BIGINT                    thread
-- @column gpu_operations BIGINT         kernels, copies, memsets and whole graphs
-- @column depth INTEGER                 ranges around it
-- @column children BIGINT               push/pop ranges with GPU work directly inside
-- @column range_id BIGINT               the range, see nvtx_ranges
-- @column parent_id BIGINT              the range around it
-- @column range_stack VARCHAR           range_ids from the outermost range to this one, each after a colon
-- @chart  timeline x=projected_start_ns length=projected_duration_ns y=range

WITH ranges AS NOT MATERIALIZED (
    FROM ranges_with_work('nvtx_ranges', $by)
),
children AS (
    SELECT parent_id AS range_id, count(*) AS children
    FROM ranges
    WHERE style = 'pushpop' AND parent_id IS NOT NULL AND gpu_operations > 0
    GROUP BY parent_id
),
stacks AS (
    SELECT range_id, string_agg(':' || ancestor_id, '' ORDER BY levels DESC) AS range_stack
    FROM range_ancestors
    GROUP BY range_id
)
SELECT
    trace,
    domain,
    text AS range,
    gpu_start_ns AS projected_start_ns,
    gpu_end_ns - gpu_start_ns AS projected_duration_ns,
    gpu_busy_ns,
    start_ns,
    ranges.duration_ns,
    style,
    pid,
    tid,
    gpu_operations,
    depth,
    coalesce(children, 0) AS children,
    range_id,
    parent_id,
    range_stack
FROM ranges
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN children USING (range_id)
LEFT JOIN stacks USING (range_id)
WHERE gpu_operations > 0 AND is_like(coalesce(text, ''), $range)
ORDER BY trace, projected_start_ns, start_ns, range_id
