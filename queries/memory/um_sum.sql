-- Which pages of managed memory move between CPU and GPU?
--
-- NVIDIA's counterpart: nsys stats um_sum.
-- Managed memory moves when a CPU or GPU touches a page that is elsewhere. Page faults are recorded with
-- nsys profile --cuda-um-cpu-page-faults=true --cuda-um-gpu-page-faults=true.
-- @of     timeline
-- @unites trace
-- @param  limit BIGINT = 10        pages per trace, those that moved most bytes; NULL for all
-- @needs  memory_ops
-- @column trace VARCHAR            name of the trace
-- @column virtual_address VARCHAR  page, hexadecimal
-- @column to_device_bytes BIGINT   migrated from host to device
-- @column to_host_bytes BIGINT     migrated from device to host
-- @column cpu_page_faults BIGINT   page faults of the CPU; NULL if none of the trace were recorded
-- @column gpu_page_faults BIGINT   page faults of GPUs; NULL if none of the trace were recorded
-- @column bytes_per_s DOUBLE       migrated bytes ÷ time of the migrations; NULL if nothing migrated
-- @chart  bars x=virtual_address y=to_device_bytes
-- @empty  No managed memory moved: the program uses none, or nsys ran without --cuda-um-cpu-page-faults=true.

WITH pages AS (
    SELECT
        traces.trace,
        virtual_address AS address,
        sum(to_device_bytes)::BIGINT AS to_device_bytes,
        sum(to_host_bytes)::BIGINT AS to_host_bytes,
        (sum(cpu_page_faults) FILTER (NOT list_contains(missing, 'um_cpu_page_faults')))::BIGINT
            AS cpu_page_faults,
        (sum(gpu_page_faults) FILTER (NOT list_contains(missing, 'um_gpu_page_faults')))::BIGINT
            AS gpu_page_faults,
        per_second(
            sum(to_device_bytes + to_host_bytes) FILTER (um_events.duration_ns IS NOT NULL),
            sum(um_events.duration_ns)
        ) AS bytes_per_s
    FROM um_events
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    GROUP BY traces.trace, virtual_address
)
SELECT
    trace,
    printf('0x%x', address) AS virtual_address,
    to_device_bytes,
    to_host_bytes,
    cpu_page_faults,
    gpu_page_faults,
    bytes_per_s
FROM pages
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY to_device_bytes + to_host_bytes DESC, address),
    $limit
)
ORDER BY trace, to_device_bytes + to_host_bytes DESC, address
