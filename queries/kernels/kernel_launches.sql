-- How is each kernel launched, in which NVTX ranges, and how long does it take?
--
-- A row for each kernel and configuration of its launch, those of most time first. paths are the innermost
-- ranges of the default domain around its launches, the most frequent first, three at most, with the launches
-- in each.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'   kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
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
-- @card   any 10 Launches | of=grid_and_block first=instances,total_ns,share_pct,avg_ns most=3 limit=NULL

WITH configured AS NOT MATERIALIZED (
    SELECT
        traces.trace,
        launches.trace_id,
        kernel_id,
        duration_ns,
        {
            'kernel': kernel,
            'grid_x': grid_x,
            'grid_y': grid_y,
            'grid_z': grid_z,
            'block_x': block_x,
            'block_y': block_y,
            'block_z': block_z,
            'threads': threads_per_block,
            'registers': registers_per_thread,
            'static': static_shared_bytes,
            'dynamic': dynamic_shared_bytes,
            'executed': executed_shared_bytes
        } AS launch
    FROM kernels_configured($names, $kernel) AS launches
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
timed AS (
    SELECT * EXCLUDE (kernel_id) FROM configured
),
placed AS (
    SELECT configured.trace_id, launch, path, count(*) AS launches
    FROM configured
    JOIN range_paths USING (kernel_id)
    WHERE domain = ''
    GROUP BY ALL
),
ranges AS (
    SELECT
        trace_id,
        launch,
        array_to_string(
            list(format('{} ({})', path, launches) ORDER BY launches DESC, path)[:3], '; '
        ) AS paths
    FROM placed
    GROUP BY ALL
),
spread AS (
    SELECT
        *,
        launch.kernel AS kernel,
        format(
            'grid {}×{}×{}, block {}×{}×{}',
            launch.grid_x, launch.grid_y, launch.grid_z, launch.block_x, launch.block_y, launch.block_z
        ) AS grid_and_block
    FROM duration_spread(timed)
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
    launch.threads AS threads_per_block,
    launch.registers AS registers_per_thread,
    launch.static AS static_shared_bytes,
    launch.dynamic AS dynamic_shared_bytes,
    launch.executed AS executed_shared_bytes,
    paths
FROM spread
JOIN (SELECT trace_id, sum(duration_ns) AS trace_ns FROM kernels GROUP BY trace_id) USING (trace_id)
LEFT JOIN ranges USING (trace_id, launch)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, kernel, grid_and_block, launch
    ),
    $limit
)
ORDER BY trace, total_ns DESC NULLS LAST, kernel, grid_and_block, launch
