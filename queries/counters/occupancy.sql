-- How many warps does an SM hold of each kernel, what limits them, and what would let one more block in?
--
-- A row for each kernel and configuration of its launch. Limits are ncu's where it recorded them, else
-- follow from registers, shared memory and threads per block by the rules of NVIDIA's cuda_occupancy.h (view
-- occupancy_rules), so that a timeline by nsys has them, too. Shared memory is that of the SM as the driver
-- set it for the kernel, the largest there is if not recorded. limiter names all that let no more blocks in.
--
-- registers_for_one_more and shared_bytes_for_one_more: the most that a thread, or a block, may take so that
-- one more block fits; both have to be kept where both stand there. Of shared memory it is with the largest
-- carve-out: where it is no less than what the block takes, the carve-out limits. NULL where blocks, warps
-- or barriers limit. achieved_pct is the mean over time of what was measured while SMs were active.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'            kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch) = 'kernel'  kernel (all its launches of one configuration together) or
--         launch
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 20               rows per trace, those of most GPU time; NULL for all
-- @needs  kernels
-- @column trace VARCHAR                   name of the trace
-- @column kernel VARCHAR                  kernel name
-- @column kernel_id BIGINT                the launch, see kernels; NULL for several together
-- @column kernels BIGINT                  executions, or profiled workloads
-- @column gpu_ns BIGINT                   their time
-- @column threads_per_block BIGINT        threads of a block
-- @column registers_per_thread INTEGER    registers of a thread
-- @column shared_bytes BIGINT             static and dynamic shared memory of a block
-- @column theoretical_pct DOUBLE          warps that fit on an SM, share of the most that any kernel may have
-- @column achieved_pct DOUBLE             warps that were there, likewise; ncu only
-- @column theoretical_warps DOUBLE        warps that fit on an SM
-- @column achieved_warps DOUBLE           warps that were there
-- @column limit_registers BIGINT          blocks that an SM holds, by registers
-- @column limit_shared_memory BIGINT      by shared memory; NULL if a block takes none
-- @column limit_warps BIGINT              by warps
-- @column limit_blocks BIGINT             by blocks
-- @column limit_barriers BIGINT           by barriers; ncu only
-- @column limiter VARCHAR                 registers, shared_memory, warps, blocks, barriers; or several
-- @column registers_for_one_more BIGINT   most registers per thread that let one more block in
-- @column shared_bytes_for_one_more BIGINT  most shared memory per block that lets one more block in
-- @column lacks VARCHAR                   what the report lacks (--option of ncu that records it)
-- @chart  share_bars x=kernel y=theoretical_pct y2=achieved_pct
-- @section counters 56 Occupancy | drawn
-- @card   any 30 Occupancy | first=theoretical_pct,achieved_pct,limiter most=1 limit=NULL

WITH launches AS (
    SELECT
        traces.trace,
        kernel,
        CASE $by WHEN 'launch' THEN kernel_id END AS launch_id,
        duration_ns,
        compute_capability,
        is_kernel,
        threads_per_block,
        registers_per_thread,
        shared_bytes,
        executed_shared_bytes,
        -- Of several kernels together ncu tells means of these, which none of them has.
        if(is_kernel, counters, NULL) AS of_launch,
        of_launch['sm__maximum_warps_per_active_cycle_pct'] AS theoretical_pct,
        of_launch['sm__maximum_warps_avg_per_active_cycle'] AS theoretical_warps,
        counters['sm__warps_active.avg.pct_of_peak_sustained_active'] AS achieved_pct,
        counters['sm__warps_active.avg.per_cycle_active'] AS achieved_warps,
        of_launch['launch__occupancy_limit_registers']::BIGINT AS ncu_registers,
        of_launch['launch__occupancy_limit_shared_mem']::BIGINT AS ncu_shared_memory,
        of_launch['launch__occupancy_limit_warps']::BIGINT AS ncu_warps,
        of_launch['launch__occupancy_limit_blocks']::BIGINT AS ncu_blocks,
        of_launch['launch__occupancy_limit_barriers']::BIGINT AS ncu_barriers
    FROM kernels_configured($names, $kernel)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN counters_named([
        'sm__maximum_warps_per_active_cycle_pct', 'sm__maximum_warps_avg_per_active_cycle',
        'sm__warps_active.avg.pct_of_peak_sustained_active', 'sm__warps_active.avg.per_cycle_active',
        'launch__occupancy_limit_registers', 'launch__occupancy_limit_shared_mem',
        'launch__occupancy_limit_warps', 'launch__occupancy_limit_blocks',
        'launch__occupancy_limit_barriers'
    ]) USING (kernel_id)
),
groups AS (
    SELECT
        * EXCLUDE (duration_ns, of_launch, achieved_pct, achieved_warps),
        count(*) AS kernels,
        sum(duration_ns)::BIGINT AS gpu_ns,
        mean_over_time(achieved_pct, duration_ns) AS achieved_pct,
        mean_over_time(achieved_warps, duration_ns) AS achieved_warps,
        lacking('achieved occupancy', achieved_pct, '--section Occupancy') AS lacks_achieved
    FROM launches
    GROUP BY ALL
),
limits AS (
    SELECT
        *,
        (threads_per_block + 31) // 32 AS warps,
        coalesce(
            ncu_registers,
            blocks_by_registers(registers_per_thread, warps, registers, sub_partitions)
        ) AS limit_registers,
        coalesce(
            ncu_shared_memory,
            blocks_by_shared_memory(
                shared_bytes,
                reserved_bytes,
                shared_unit_bytes,
                coalesce(executed_shared_bytes, sm_shared_bytes)
            )
        ) AS limit_shared_memory,
        coalesce(ncu_warps, max_warps // nullif(warps, 0)) AS limit_warps,
        coalesce(ncu_blocks, if(is_kernel, max_blocks, NULL)) AS limit_blocks,
        ncu_barriers AS limit_barriers,
        if(
            limit_registers IS NULL OR limit_warps IS NULL OR limit_blocks IS NULL,
            NULL,
            least(limit_registers, limit_shared_memory, limit_warps, limit_blocks, limit_barriers)
        ) AS blocks,
        -- What does not help by itself is NULL: whatever else limits, too, has to go with it.
        least(limit_warps, limit_blocks, limit_barriers) > blocks AS may_grow
    FROM groups
    LEFT JOIN occupancy_rules USING (compute_capability)
)
SELECT
    trace,
    kernel,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    threads_per_block,
    registers_per_thread,
    shared_bytes,
    coalesce(theoretical_pct, percent(blocks * warps, max_warps)) AS theoretical_pct,
    achieved_pct,
    coalesce(theoretical_warps, blocks * warps) AS theoretical_warps,
    achieved_warps,
    limit_registers,
    limit_shared_memory,
    limit_warps,
    limit_blocks,
    limit_barriers,
    occupancy_limiter(
        blocks, limit_registers, limit_shared_memory, limit_warps, limit_blocks, limit_barriers
    ) AS limiter,
    if(
        may_grow AND limit_registers = blocks,
        registers_for_blocks(blocks + 1, warps, registers, sub_partitions),
        NULL
    ) AS registers_for_one_more,
    if(
        may_grow AND limit_shared_memory = blocks,
        shared_memory_for_blocks(
            blocks + 1, reserved_bytes, shared_unit_bytes, sm_shared_bytes
        ),
        NULL
    ) AS shared_bytes_for_one_more,
    nullif(concat_ws(
        '; ',
        coalesce(
            lacking_launch(is_kernel), if(blocks IS NULL, 'limits (--section Occupancy)', NULL)
        ),
        lacks_achieved
    ), '') AS lacks
FROM limits
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace
        ORDER BY gpu_ns DESC NULLS LAST, kernel, launch_id, threads_per_block, registers_per_thread,
            shared_bytes, executed_shared_bytes, compute_capability, blocks
    ),
    $limit
)
ORDER BY trace, gpu_ns DESC NULLS LAST, kernel, launch_id, threads_per_block, registers_per_thread,
    shared_bytes, executed_shared_bytes, compute_capability, blocks
