-- What happened to pages of managed memory: migrations, page faults of the CPU, page faults of GPUs.
-- @column trace_id BIGINT         the trace it belongs to, see traces
-- @column trace VARCHAR           name of the trace
-- @column virtual_address BIGINT  the page
-- @column to_device_bytes BIGINT  migrated from host to device
-- @column to_host_bytes BIGINT    migrated from device to host
-- @column duration_ns BIGINT      time of the migration; 0 for faults
-- @column cpu_page_faults BIGINT  page faults of the CPU
-- @column gpu_page_faults BIGINT  page faults of a GPU

WITH events AS (
    SELECT
        trace_id,
        virtual_address,
        CASE WHEN copy_kind = 'Unified Host-to-Device' THEN bytes ELSE 0 END AS to_device_bytes,
        CASE WHEN copy_kind = 'Unified Device-to-Host' THEN bytes ELSE 0 END AS to_host_bytes,
        duration_ns,
        0::BIGINT AS cpu_page_faults,
        0::BIGINT AS gpu_page_faults
    FROM memory_ops
    WHERE copy_kind IN ('Unified Host-to-Device', 'Unified Device-to-Host')
    UNION ALL
    SELECT trace_id, virtual_address, 0, 0, 0, 1, 0 FROM um_cpu_page_faults
    UNION ALL
    SELECT trace_id, virtual_address, 0, 0, 0, 0, page_faults FROM um_gpu_page_faults
)
SELECT trace_id, trace, events.* EXCLUDE (trace_id)
FROM events
JOIN traces USING (trace_id)
