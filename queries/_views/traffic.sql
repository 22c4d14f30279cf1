-- One kind of traffic, or the time, of one profiled workload, and the NVTX range it counts for (ncu).
--
-- The view dram, one counter per row: sums over chosen ranges are all alike.
-- @needs  metrics
-- @column trace_id BIGINT   the trace it belongs to, see traces
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the workload, see kernels
-- @column path VARCHAR      innermost push/pop range of the default domain; empty outside any
-- @column measure VARCHAR   dram_write_bytes, dram_read_bytes, l2_write_sectors, l2_read_sectors,
--         dram_busy_ns, gpu_ns or kernels
-- @column amount DOUBLE     NULL if it was not measured; of kernels 1

SELECT trace_id, trace, kernel_id, path, measure, amount
FROM (
    SELECT
        dram.trace_id,
        dram.trace,
        dram.kernel_id,
        coalesce(path, '') AS path,
        dram_write_bytes,
        dram_read_bytes,
        l2_write_sectors,
        l2_read_sectors,
        -- As long as the DRAM at its peak would take: of gpu_ns, the share that its throughput has of that.
        dram_throughput_pct / 100 * duration_ns AS dram_busy_ns,
        duration_ns::DOUBLE AS gpu_ns,
        1.0::DOUBLE AS kernels
    FROM dram
    LEFT JOIN range_paths ON range_paths.kernel_id = dram.kernel_id AND domain = ''
)
UNPIVOT INCLUDE NULLS (
    amount
    FOR measure IN (
        dram_write_bytes, dram_read_bytes, l2_write_sectors, l2_read_sectors, dram_busy_ns, gpu_ns, kernels
    )
)
