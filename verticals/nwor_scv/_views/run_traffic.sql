-- Traffic in total, as runs tell it that were measured without a trace.
--
-- For example ncu_metrics in the results of a benchmark.
-- @column trace_id BIGINT  the trace or runs, see measured_sides
-- @column trace VARCHAR    name of the trace or runs
-- @column measure VARCHAR  dram_write_bytes, dram_read_bytes, l2_write_sectors, l2_read_sectors or
--         dram_throughput_pct
-- @column amount DOUBLE    mean of repeated runs; NULL if it was not measured

SELECT trace_id, trace, measure, value AS amount
FROM outside_numbers
JOIN (
    VALUES
        ('dram__bytes_write.sum', 'dram_write_bytes'),
        ('dram__bytes_read.sum', 'dram_read_bytes'),
        ('lts__t_sectors_op_write.sum', 'l2_write_sectors'),
        ('lts__t_sectors_op_read.sum', 'l2_read_sectors'),
        ('dram__throughput.avg.pct_of_peak_sustained_elapsed', 'dram_throughput_pct')
) AS named(metric, measure) USING (metric)
