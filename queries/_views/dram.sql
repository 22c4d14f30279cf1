-- DRAM and L2 traffic of one profiled workload (ncu).
--
-- Where a report has a rate but no sum (--set roofline), bytes are rate × duration. A sector is 32 bytes.
-- @column trace_id BIGINT             the trace it belongs to, see traces
-- @column trace VARCHAR               name of the trace
-- @column kernel_id BIGINT            the workload, see kernels
-- @column kernel VARCHAR              kernel name
-- @column duration_ns BIGINT          time on the GPU
-- @column dram_read_bytes DOUBLE      bytes read from DRAM
-- @column dram_write_bytes DOUBLE     bytes written to DRAM
-- @column dram_bytes DOUBLE           bytes read and written
-- @column l2_read_sectors DOUBLE      sectors read from L2
-- @column l2_write_sectors DOUBLE     sectors written to L2
-- @column dram_throughput_pct DOUBLE  share of the peak DRAM throughput: dram__throughput, or what sections
--         record, gpu__dram_throughput

WITH counters AS (
    SELECT
        kernel_id,
        max(value) FILTER (metric = 'dram__bytes_read.sum') AS read_sum,
        max(value) FILTER (metric = 'dram__bytes_read.sum.per_second') AS read_rate,
        max(value) FILTER (metric = 'dram__bytes_write.sum') AS write_sum,
        max(value) FILTER (metric = 'dram__bytes_write.sum.per_second') AS write_rate,
        max(value) FILTER (metric = 'dram__bytes.sum') AS both_sum,
        max(value) FILTER (metric = 'dram__bytes.sum.per_second') AS both_rate,
        max(value) FILTER (metric = 'lts__t_sectors_op_read.sum') AS l2_read_sectors,
        max(value) FILTER (metric = 'lts__t_sectors_op_write.sum') AS l2_write_sectors,
        coalesce(
            max(value) FILTER (metric = 'dram__throughput.avg.pct_of_peak_sustained_elapsed'),
            max(value) FILTER (metric = 'gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed')
        ) AS dram_throughput_pct
    FROM metrics
    WHERE metric IN (
        'dram__bytes_read.sum', 'dram__bytes_read.sum.per_second',
        'dram__bytes_write.sum', 'dram__bytes_write.sum.per_second',
        'dram__bytes.sum', 'dram__bytes.sum.per_second',
        'lts__t_sectors_op_read.sum', 'lts__t_sectors_op_write.sum',
        'dram__throughput.avg.pct_of_peak_sustained_elapsed',
        'gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed'
    )
    GROUP BY kernel_id
),
bytes AS (
    SELECT
        kernels.trace_id,
        trace,
        kernel_id,
        kernels.name AS kernel,
        kernels.duration_ns,
        coalesce(read_sum, read_rate * kernels.duration_ns / 1e9) AS dram_read_bytes,
        coalesce(write_sum, write_rate * kernels.duration_ns / 1e9) AS dram_write_bytes,
        coalesce(both_sum, read_sum + write_sum, both_rate * kernels.duration_ns / 1e9) AS both_bytes,
        l2_read_sectors,
        l2_write_sectors,
        dram_throughput_pct
    FROM kernels
    JOIN traces ON traces.trace_id = kernels.trace_id AND has_counters
    LEFT JOIN counters USING (kernel_id)
)
SELECT
    trace_id,
    trace,
    kernel_id,
    kernel,
    duration_ns,
    dram_read_bytes,
    dram_write_bytes,
    coalesce(both_bytes, dram_read_bytes + dram_write_bytes) AS dram_bytes,
    l2_read_sectors,
    l2_write_sectors,
    dram_throughput_pct
FROM bytes
