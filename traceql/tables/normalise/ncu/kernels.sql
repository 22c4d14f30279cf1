-- One row per profiled workload, in the order of the report.
--
-- Durations: ncu stores gpu__time_duration in ns; some 2024.1 reports label that value "second". Local memory
-- and cooperative launches are in no metric: launch__stack_size is the limit that the context set, not what
-- the kernel takes.
-- @raw   ncu_actions
-- @reads action    BIGINT
-- @reads name      VARCHAR
-- @reads demangled VARCHAR
-- @reads mangled   VARCHAR
-- @reads workload  VARCHAR
-- @reads pid       BIGINT
-- @raw   ncu_metrics
-- @reads action BIGINT
-- @reads metric VARCHAR
-- @reads unit   VARCHAR
-- @reads value  DOUBLE
-- @reads text   VARCHAR
-- @fills kernels = ncu_actions

INSERT INTO kernels BY NAME
WITH launch AS (
    SELECT
        action,
        max(CASE WHEN metric = 'gpu__time_duration.sum'
                 THEN value * CASE unit WHEN 'us' THEN 1e3 WHEN 'usecond' THEN 1e3
                                        WHEN 'ms' THEN 1e6 WHEN 'msecond' THEN 1e6 ELSE 1 END END)
            AS duration_ns,
        max(value) FILTER (metric = 'launch__device_id') AS device_id,
        max(value) FILTER (metric = 'device__attribute_device_index') AS device_index,
        max(value) FILTER (metric = 'launch__context_id') AS context_id,
        nullif(max(value) FILTER (metric = 'launch__green_context_id'), 0) AS green_context_id,
        max(value) FILTER (metric = 'launch__stream_id') AS stream_id,
        max(value) FILTER (metric = 'launch__grid_dim_x') AS grid_x,
        max(value) FILTER (metric = 'launch__grid_dim_y') AS grid_y,
        max(value) FILTER (metric = 'launch__grid_dim_z') AS grid_z,
        max(value) FILTER (metric = 'launch__block_dim_x') AS block_x,
        max(value) FILTER (metric = 'launch__block_dim_y') AS block_y,
        max(value) FILTER (metric = 'launch__block_dim_z') AS block_z,
        max(value) FILTER (metric = 'launch__registers_per_thread') AS registers_per_thread,
        max(value) FILTER (metric = 'launch__shared_mem_per_block_static') AS static_shared_bytes,
        max(value) FILTER (metric = 'launch__shared_mem_per_block_dynamic') AS dynamic_shared_bytes,
        max(value) FILTER (metric = 'launch__shared_mem_config_size') AS executed_shared_bytes
    FROM raw_ncu_metrics
    WHERE metric = 'gpu__time_duration.sum' OR metric = 'device__attribute_device_index'
       OR starts_with(metric, 'launch__')
    GROUP BY action
)
SELECT
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    getvariable('trace_id') AS trace_id,
    name,
    demangled,
    mangled,
    workload,
    duration_ns,
    -- As the process numbers those that it sees: the report tells nothing else of a GPU that could be its id.
    coalesce(device_id, device_index) AS gpu_id,
    coalesce(device_id, device_index) AS device_id,
    context_id,
    green_context_id,
    stream_id,
    pid AS process_id,
    pid,
    grid_x,
    grid_y,
    grid_z,
    block_x,
    block_y,
    block_z,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    executed_shared_bytes
FROM raw_ncu_actions
LEFT JOIN launch USING (action)
ORDER BY kernel_id
