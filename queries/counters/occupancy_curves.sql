-- How many warps would an SM hold if a kernel were launched otherwise?
--
-- As the curves of ncu's page "Occupancy" (launch__occupancy_per_register_count, …_block_size and
-- …_shared_mem_size): what a kernel was launched with stays, and one parameter is another. A row for each
-- step of a curve: from from_amount to to_amount an SM holds as many warps, for the same limiter. Computed by
-- the rules of NVIDIA's cuda_occupancy.h (view occupancy_rules), of timelines, too. The kernel's launch is at
-- launch_amount, on the step where is_launch. Shared memory is what a block asks for, without the 1,024 bytes
-- that the system takes of it (ncu's curve counts them); that of the SM is as the driver set it for the
-- kernel, the largest there is if not recorded, and as large as one block needs. A GPU whose rules are not
-- known has no curves.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'         kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  parameter VARCHAR = '*'      registers_per_thread, threads_per_block or shared_bytes; * for all
-- @param  limit BIGINT = 1             kernels and configurations per trace, those of most time; NULL for all
-- @needs  kernels
-- @column trace VARCHAR                name of the trace
-- @column kernel VARCHAR               kernel name
-- @column kernels BIGINT               executions, or profiled workloads, of this configuration
-- @column gpu_ns BIGINT                their time
-- @column threads_per_block BIGINT     threads of a block, as it was launched
-- @column registers_per_thread INTEGER  registers of a thread
-- @column shared_bytes BIGINT          static and dynamic shared memory of a block
-- @column parameter VARCHAR            registers_per_thread, threads_per_block, shared_bytes; NULL if unknown
-- @column from_amount BIGINT           least of it on the step
-- @column to_amount BIGINT             most of it on the step
-- @column launch_amount BIGINT         what the kernel was launched with
-- @column is_launch BOOLEAN            whether that is on the step
-- @column blocks BIGINT                blocks that an SM holds
-- @column theoretical_warps DOUBLE     their warps
-- @column theoretical_pct DOUBLE       share of the most warps that an SM may hold
-- @column limiter VARCHAR              registers, shared_memory, warps, blocks, barriers; or several
-- @column lacks VARCHAR                what the report lacks (--option of ncu that records it), or the rules
-- @title  threads_per_block Threads per block
-- @title  registers_per_thread Registers per thread
-- @title  shared_bytes Shared memory per block
-- @chart  occupancy_steps x=from_amount x2=to_amount y=theoretical_warps panel=parameter color=limiter
--         mark=launch_amount kernel=kernel
-- @section counters 56.5 Occupancy | drawn

WITH launches AS (
    SELECT
        traces.trace,
        launches.* EXCLUDE (trace_id, kernel_id, static_shared_bytes, dynamic_shared_bytes),
        counters['launch__occupancy_limit_barriers']::BIGINT AS limit_barriers
    FROM kernels_configured($names, $kernel) AS launches
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN counters_named(['launch__occupancy_limit_barriers']) USING (kernel_id)
),
grouped AS (
    SELECT * EXCLUDE (duration_ns), count(*) AS kernels, sum(duration_ns)::BIGINT AS gpu_ns
    FROM launches
    GROUP BY ALL
),
configurations AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY trace
            ORDER BY gpu_ns DESC NULLS LAST, kernel, threads_per_block, registers_per_thread, shared_bytes,
                executed_shared_bytes, compute_capability, limit_barriers
        ) AS place,
        {'trace': trace, 'place': place} AS configuration
    FROM grouped
    QUALIFY within_limit(place, $limit)
),
curves AS (
    SELECT
        configuration,
        unnest(
            [
                {
                    'parameter': 'registers_per_thread',
                    'launch_amount': registers_per_thread::BIGINT,
                    'amounts': range(1, 256)
                },
                {
                    'parameter': 'threads_per_block',
                    'launch_amount': threads_per_block,
                    'amounts': range(1, 1025)
                },
                {
                    'parameter': 'shared_bytes',
                    'launch_amount': shared_bytes,
                    'amounts': range(0, sm_shared_bytes - reserved_bytes + 1, shared_unit_bytes)
                }
            ],
            recursive := true
        )
    FROM configurations
    JOIN occupancy_rules USING (compute_capability)
    WHERE registers_per_thread > 0 AND threads_per_block > 0 AND shared_bytes IS NOT NULL
),
-- Between two multiples of the unit of shared memory nothing changes: the one above holds for all of them.
points AS (
    SELECT
        configuration,
        parameter,
        launch_amount,
        amount,
        if(parameter = 'shared_bytes', greatest(amount - shared_unit_bytes + 1, 0), amount) AS first_amount,
        if(parameter = 'registers_per_thread', amount, registers_per_thread) AS point_registers,
        (if(parameter = 'threads_per_block', amount, threads_per_block) + 31) // 32 AS warps,
        if(parameter = 'shared_bytes', amount, shared_bytes) AS point_shared_bytes,
        coalesce(executed_shared_bytes, sm_shared_bytes) AS executed_bytes,
        limit_barriers,
        occupancy_rules.*
    FROM (SELECT * EXCLUDE (amounts), unnest(amounts) AS amount FROM curves)
    JOIN configurations USING (configuration)
    JOIN occupancy_rules USING (compute_capability)
    WHERE is_like_in_any_case(parameter, $parameter)
),
limits AS (
    SELECT
        *,
        blocks_by_registers(point_registers, warps, registers, sub_partitions) AS limit_registers,
        blocks_by_shared_memory(point_shared_bytes, reserved_bytes, shared_unit_bytes, executed_bytes)
            AS fitting,
        if(fitting < 1, 1, fitting) AS limit_shared_memory,
        max_warps // warps AS limit_warps
    FROM points
),
held AS (
    SELECT
        *, least(limit_registers, limit_shared_memory, limit_warps, max_blocks, limit_barriers) AS blocks
    FROM limits
),
numbered AS (
    SELECT
        *,
        (blocks * warps)::DOUBLE AS theoretical_warps,
        occupancy_limiter(
            blocks, limit_registers, limit_shared_memory, limit_warps, max_blocks, limit_barriers
        ) AS limiter,
        row_number() OVER (PARTITION BY configuration, parameter ORDER BY amount)
            - row_number() OVER (
                PARTITION BY configuration, parameter, theoretical_warps, blocks, limiter
                ORDER BY amount
            ) AS step
    FROM held
),
steps AS (
    SELECT
        configuration,
        parameter,
        min(first_amount) AS from_amount,
        max(amount) AS to_amount,
        launch_amount,
        launch_amount BETWEEN min(first_amount) AND max(amount) AS is_launch,
        blocks,
        theoretical_warps,
        percent(theoretical_warps, max_warps) AS theoretical_pct,
        limiter
    FROM numbered
    GROUP BY configuration, parameter, launch_amount, blocks, theoretical_warps, max_warps, limiter, step
)
SELECT
    trace,
    kernel,
    kernels,
    gpu_ns,
    threads_per_block,
    registers_per_thread,
    shared_bytes,
    parameter,
    from_amount,
    to_amount,
    launch_amount,
    is_launch,
    blocks,
    theoretical_warps,
    theoretical_pct,
    limiter,
    nullif(concat_ws(
        '; ',
        CASE WHEN NOT is_kernel THEN lacking_launch(is_kernel)
             WHEN threads_per_block > 0 AND registers_per_thread > 0 AND shared_bytes IS NOT NULL THEN NULL
             ELSE 'launch parameters (--section LaunchStats)' END,
        CASE WHEN compute_capability IS NULL THEN 'compute capability of the GPU'
             WHEN max_warps IS NULL
                 THEN 'rules of occupancy for compute capability ' || compute_capability END
    ), '') AS lacks
FROM configurations
LEFT JOIN steps USING (configuration)
LEFT JOIN occupancy_rules USING (compute_capability)
ORDER BY trace, place,
    list_position(['registers_per_thread', 'threads_per_block', 'shared_bytes'], parameter), from_amount
