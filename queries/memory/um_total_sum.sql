-- How much managed memory moves between CPU and GPU in all?
--
-- NVIDIA's counterpart: nsys stats um_total_sum.
-- Managed memory moves when a CPU or GPU touches a page that is elsewhere. Page faults are recorded with
-- nsys profile --cuda-um-cpu-page-faults=true --cuda-um-gpu-page-faults=true.
-- @of     totals
-- @unites trace
-- @needs  memory_ops
-- @column trace VARCHAR                name of the trace
-- @column to_device_bytes BIGINT       migrated from host to device
-- @column to_host_bytes BIGINT         migrated from device to host
-- @column cpu_page_faults BIGINT       page faults of the CPU; NULL if none were recorded
-- @column gpu_page_faults BIGINT       page faults of GPUs; NULL if none were recorded
-- @column min_virtual_address VARCHAR  lowest page, hexadecimal
-- @column max_virtual_address VARCHAR  highest page, hexadecimal
-- @empty  No managed memory moved: the program uses none, or nsys ran without --cuda-um-cpu-page-faults=true.

SELECT
    traces.trace,
    sum(to_device_bytes)::BIGINT AS to_device_bytes,
    sum(to_host_bytes)::BIGINT AS to_host_bytes,
    (sum(cpu_page_faults) FILTER (NOT list_contains(missing, 'um_cpu_page_faults')))::BIGINT
        AS cpu_page_faults,
    (sum(gpu_page_faults) FILTER (NOT list_contains(missing, 'um_gpu_page_faults')))::BIGINT
        AS gpu_page_faults,
    printf('0x%x', min(virtual_address)) AS min_virtual_address,
    printf('0x%x', max(virtual_address)) AS max_virtual_address
FROM um_events
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY traces.trace
ORDER BY trace
