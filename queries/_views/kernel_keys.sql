-- Each kernel launch under a key that finds it in another recording of the same work, by nsys or by ncu.
--
-- The key is (process_number, device_id, path, kernel, instance); the macro launch_keys says how it is made,
-- and makes it with other names of kernels.
-- @column profiler VARCHAR       nsys or ncu, see traces
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column kernel_id BIGINT       the launch, see kernels
-- @column process_number BIGINT  1 for the process with the lowest pid on the device, 2 …
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column path VARCHAR           path in the default domain, then "| domain: path" of others; empty outside
-- @column kernel VARCHAR         distinct name, see the view kernel_names
-- @column instance BIGINT        1 for the first launch of this process, device, path and kernel, 2 …

WITH named AS (
    FROM kernels_called('distinct', '*')
)
FROM launch_keys('named')
