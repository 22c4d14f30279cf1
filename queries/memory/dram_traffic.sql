-- How much DRAM and L2 traffic does each kernel or NVTX range cause?
--
-- By range, a kernel counts for the innermost range that encloses it in that domain, so rows of one domain
-- add up; its path starts with those of the ranges around it. Sums are over the kernels that tell: lacks says
-- of how many something was not recorded.
-- @of     sums
-- @unites trace
-- @param  by VARCHAR(range|kernel) = 'range'  range or kernel
-- @param  domain VARCHAR = ''         NVTX domain; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics
-- @metrics dram__bytes_read.sum dram__bytes_write.sum lts__t_sectors_op_read.sum lts__t_sectors_op_write.sum
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          range path, or kernel name; NULL outside any range
-- @column kernels BIGINT              profiled workloads
-- @column dram_read_bytes DOUBLE      bytes read from DRAM
-- @column dram_write_bytes DOUBLE     bytes written to DRAM
-- @column dram_bytes DOUBLE           bytes read and written
-- @column l2_read_sectors DOUBLE      sectors of 32 bytes read from L2
-- @column l2_write_sectors DOUBLE     sectors of 32 bytes written to L2
-- @column gpu_ns BIGINT               GPU time
-- @column dram_bytes_per_s DOUBLE     bytes ÷ GPU time of the kernels whose bytes are known
-- @column dram_throughput_pct DOUBLE  share of the peak, weighted by time
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  bars x=group_name y=dram_write_bytes
-- @section counters 70 Memory traffic

SELECT
    traces.trace,
    CASE $by WHEN 'range' THEN path WHEN 'kernel' THEN called END AS group_name,
    count(*) AS kernels,
    sum(dram_read_bytes) AS dram_read_bytes,
    sum(dram_write_bytes) AS dram_write_bytes,
    sum(dram_bytes) AS dram_bytes,
    sum(l2_read_sectors) AS l2_read_sectors,
    sum(l2_write_sectors) AS l2_write_sectors,
    sum(dram.duration_ns)::BIGINT AS gpu_ns,
    per_second(sum(dram_bytes), sum(dram.duration_ns) FILTER (dram_bytes IS NOT NULL)) AS dram_bytes_per_s,
    sum(dram_throughput_pct * dram.duration_ns)
        / nullif(sum(dram.duration_ns) FILTER (dram_throughput_pct IS NOT NULL), 0) AS dram_throughput_pct,
    nullif(concat_ws(
        '; ',
        lacking('DRAM reads', dram_read_bytes, '--metrics dram__bytes_read.sum'),
        lacking('DRAM writes', dram_write_bytes, '--metrics dram__bytes_write.sum'),
        lacking('L2 reads', l2_read_sectors, '--metrics lts__t_sectors_op_read.sum'),
        lacking('L2 writes', l2_write_sectors, '--metrics lts__t_sectors_op_write.sum'),
        lacking(
            'DRAM throughput',
            dram_throughput_pct,
            '--metrics dram__throughput.avg.pct_of_peak_sustained_elapsed'
        )
    ), '') AS lacks
FROM dram
JOIN chosen_traces($trace) AS traces USING (trace_id)
JOIN kernels USING (kernel_id)
LEFT JOIN kernels_called($names, '*') AS named
    ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
LEFT JOIN range_paths ON range_paths.kernel_id = dram.kernel_id AND domain = $domain
GROUP BY ALL
ORDER BY trace, dram_bytes DESC NULLS LAST, group_name
