-- How is each kernel launched, in which NVTX ranges, and how long does it take?
--
-- A row for each kernel and configuration of its launch, those of most time first. paths are the innermost
-- ranges of the default domain around its launches, the most frequent first, three at most, with the launches
-- in each.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'   kernel name, or a pattern of it
-- @param  names VARCHAR = 'distinct'  short, full or distinct names of kernels, see the view kernel_names
-- @param  limit BIGINT = 20      rows per trace, those of most GPU time; NULL for all
-- @needs  kernels
-- @column trace VARCHAR          name of the trace
-- @column kernel VARCHAR         kernel name
-- @column grid_and_block VARCHAR  grid and block as it was launched; NULL of a whole graph or range
-- @column instances BIGINT       executions (nsys) or profiled workloads (ncu)
-- @column total_ns BIGINT        GPU time of all of them
-- @column share_pct DOUBLE       of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE          mean
-- @column median_ns DOUBLE       median
-- @column min_ns BIGINT          shortest
-- @column max_ns BIGINT          longest
-- @column stddev_ns DOUBLE       standard deviation
-- @column threads_per_block BIGINT  threads of a block
-- @column registers_per_thread INTEGER  registers of a thread
-- @column static_shared_bytes BIGINT  shared memory of a block that the kernel declares
-- @column dynamic_shared_bytes BIGINT  shared memory of a block that the launch asks for
-- @column executed_shared_bytes BIGINT  shared memory of an SM, as the driver set it; NULL if not known
-- @column paths VARCHAR          NVTX ranges with their launches; NULL outside any range
-- @chart  bars x=kernel y=total_ns
-- @card   any 10 Launches | of=grid_and_block most=3 limit=NULL

WITH configured AS (
    SELECT
        traces.trace,
        launches.trace_id,
        kernel_id,
        kernel,
        launches.duration_ns,
        CASE WHEN is_kernel
             THEN format(
                 'grid {}×{}×{}, block {}×{}×{}', kernels.grid_x, kernels.grid_y, kernels.grid_z,
                 kernels.block_x, kernels.block_y, kernels.block_z
             ) END AS grid_and_block,
        threads_per_block,
        launches.registers_per_thread,
        launches.static_shared_bytes,
        launches.dynamic_shared_bytes,
        launches.executed_shared_bytes,
        {
            'trace': traces.trace,
            'kernel': kernel,
            'grid_and_block': grid_and_block,
            'threads': threads_per_block,
            'registers': launches.registers_per_thread,
            'static': launches.static_shared_bytes,
            'dynamic': launches.dynamic_shared_bytes,
            'executed': launches.executed_shared_bytes
        } AS configuration
    FROM kernels_configured($names, $kernel) AS launches
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN kernels USING (kernel_id)
),
timed AS (
    SELECT * EXCLUDE (kernel_id) FROM configured
),
placed AS (
    SELECT configuration, path, count(*) AS launches
    FROM configured
    JOIN range_paths USING (kernel_id)
    WHERE domain = ''
    GROUP BY ALL
),
ranges AS (
    SELECT
        configuration,
        array_to_string(
            list(format('{} ({})', path, launches) ORDER BY launches DESC, path)[:3], '; '
        ) AS paths
    FROM placed
    GROUP BY ALL
)
SELECT
    trace,
    kernel,
    grid_and_block,
    instances,
    total_ns,
    percent(total_ns, trace_ns) AS share_pct,
    avg_ns,
    median_ns,
    min_ns,
    max_ns,
    stddev_ns,
    threads_per_block,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    executed_shared_bytes,
    paths
FROM duration_spread(timed)
JOIN (SELECT trace_id, sum(duration_ns) AS trace_ns FROM kernels GROUP BY trace_id) USING (trace_id)
LEFT JOIN ranges USING (configuration)
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, configuration),
    $limit
)
ORDER BY trace, total_ns DESC NULLS LAST, configuration
