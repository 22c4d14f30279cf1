-- Work and traffic of one profiled workload at each memory level, and the peaks for them (ncu).
--
-- L2 and L1 have several metrics, and a report holds some of them: best what NVIDIA's roofline sections draw,
-- the bytes that a level returned (L2 to the SMs, L1 to the registers: reads), whose peaks are the roofs;
-- else all requests (lts__t_bytes, lts__t_sectors, l1tex__t_bytes), which are traffic without a roof: the
-- peak of a tag stage is not what a level can return. Compare rows of the same metric. Nothing that is
-- missing counts as 0: lacks lists it, with the options of ncu that record it.
-- @column trace_id BIGINT               the trace it belongs to, see traces
-- @column trace VARCHAR                 name of the trace
-- @column kernel_id BIGINT              the workload, see kernels
-- @column kernel VARCHAR                kernel name
-- @column duration_ns BIGINT            time on the GPU
-- @column flop DOUBLE                   executed in all precisions that were counted, see kernel_flop; NULL
--         if none was
-- @column flop_at_least BOOLEAN         whether a precision was not counted, or only in part
-- @column done STRUCT("precision" VARCHAR, flop DOUBLE, peak_flop_per_s DOUBLE)[]  by precision; NULL if
--         nothing was
-- @column dram_bytes DOUBLE             bytes read from and written to DRAM
-- @column l2_bytes DOUBLE               bytes at L2, as l2_metric counts them
-- @column l1_bytes DOUBLE               bytes at L1, as l1_metric counts them
-- @column l2_metric VARCHAR             metric behind l2_bytes
-- @column l1_metric VARCHAR             metric behind l1_bytes
-- @column dram_peak_bytes_per_s DOUBLE  at the clocks of the run; NULL where the report does not tell
-- @column l2_peak_bytes_per_s DOUBLE    of l2_metric, likewise; NULL of all requests
-- @column l1_peak_bytes_per_s DOUBLE    of l1_metric, likewise; NULL of all requests
-- @column lacks VARCHAR[]               what the report lacks (--option of ncu that records it)

WITH flop AS (
    SELECT
        kernel_id,
        bool_or(at_least) AS flop_at_least,
        -- That at least 0 were executed says nothing.
        CASE WHEN bool_or(at_least) THEN nullif(sum(flop), 0) ELSE sum(flop) END AS flop,
        list(
            {'precision': precision, 'flop': flop, 'peak_flop_per_s': peak_flop_per_s}
            ORDER BY precision
        ) FILTER (flop > 0) AS done,
        list(CASE cores WHEN 'cuda' THEN precision[:4] ELSE cores END) FILTER (at_least) AS uncounted,
        bool_or(peak_flop_per_s IS NULL) FILTER (flop > 0) AS peakless
    FROM kernel_flop
    GROUP BY kernel_id
),
-- The better metric of a level first; Volta's L1 counts shared memory with it, as mem_lgds does, mem_lg not.
metrics_of_levels(level, place, base, unit_bytes, is_roof, clock) AS (
    VALUES
        ('dram', 1, 'dram__bytes.sum', 1, true, 'dram__cycles_elapsed.avg.per_second'),
        ('l2', 1, 'derived__lts__lts2xbar_bytes.sum', 1, true, 'lts__cycles_elapsed.avg.per_second'),
        ('l2', 2, 'lts__lts2xbar_cycles_active.sum', 32, true, 'lts__cycles_elapsed.avg.per_second'),
        ('l2', 3, 'l1tex__m_xbar2l1tex_read_bytes.sum', 1, true, 'l1tex__cycles_elapsed.avg.per_second'),
        ('l2', 4, 'lts__t_bytes.sum', 1, false, NULL),
        ('l2', 5, 'lts__t_sectors.sum', 32, false, NULL),
        ('l1', 1, 'derived__l1tex__lsu_writeback_bytes_mem_lgds.sum', 1, true,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 2, 'l1tex__lsu_writeback_active_mem_lgds.sum', 128, true,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 3, 'derived__l1tex__lsu_writeback_bytes_mem_lg.sum', 1, true,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 4, 'l1tex__lsu_writeback_active_mem_lg.sum', 128, true,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 5, 'derived__l1tex__lsu_writeback_bytes.sum', 1, true, 'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 6, 'l1tex__lsu_writeback_active.sum', 128, true, 'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 7, 'l1tex__t_bytes.sum', 1, false, NULL)
),
names AS (
    SELECT * EXCLUDE (clock), if(form = 'clock', clock, base || form) AS metric
    FROM metrics_of_levels
    CROSS JOIN (VALUES (''), ('.per_second'), ('.peak_sustained'), ('clock')) AS forms(form)
),
-- What a report gives per second counts for the whole duration.
measured AS (
    SELECT
        kernel_id,
        level,
        place,
        base,
        unit_bytes * coalesce(
            max(value) FILTER (form = ''),
            max(value) FILTER (form = '.per_second') * any_value(kernels.duration_ns) / 1e9
        ) AS bytes,
        CASE WHEN is_roof THEN unit_bytes * max(value) FILTER (form = '.peak_sustained')
            * max(value) FILTER (form = 'clock') END AS peak_bytes_per_s
    FROM metrics
    JOIN names USING (metric)
    JOIN kernels USING (kernel_id)
    GROUP BY kernel_id, level, place, base, unit_bytes, is_roof
),
levels AS (
    SELECT
        kernel_id,
        max(peak_bytes_per_s) FILTER (level = 'dram') AS dram_peak,
        min_by(measured, place) FILTER (level = 'l2' AND bytes IS NOT NULL) AS l2,
        min_by(measured, place) FILTER (level = 'l1' AND bytes IS NOT NULL) AS l1
    FROM measured
    GROUP BY kernel_id
)
SELECT
    dram.trace_id,
    trace,
    kernel_id,
    kernel,
    dram.duration_ns,
    flop.flop,
    flop_at_least,
    done,
    dram_bytes,
    l2.bytes AS l2_bytes,
    l1.bytes AS l1_bytes,
    l2.base AS l2_metric,
    l1.base AS l1_metric,
    dram_peak AS dram_peak_bytes_per_s,
    l2.peak_bytes_per_s AS l2_peak_bytes_per_s,
    l1.peak_bytes_per_s AS l1_peak_bytes_per_s,
    list_filter(
        [
            CASE WHEN list_contains(uncounted, 'fp64')
                 THEN 'fp64 FLOP (--section SpeedOfLight_HierarchicalDoubleRooflineChart)' END,
            CASE WHEN list_contains(uncounted, 'fp32')
                 THEN 'fp32 FLOP (--section SpeedOfLight_HierarchicalSingleRooflineChart)' END,
            CASE WHEN list_contains(uncounted, 'fp16')
                 THEN 'fp16 FLOP (--section SpeedOfLight_HierarchicalHalfRooflineChart)' END,
            CASE WHEN list_contains(uncounted, 'tensor')
                 THEN 'tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart)' END,
            CASE WHEN dram_bytes IS NOT NULL THEN NULL
                 WHEN dram_read_bytes IS NOT NULL THEN 'DRAM writes (--metrics dram__bytes_write.sum)'
                 WHEN dram_write_bytes IS NOT NULL THEN 'DRAM reads (--metrics dram__bytes_read.sum)'
                 ELSE 'DRAM bytes (--metrics dram__bytes.sum)' END,
            CASE WHEN l2 IS NULL THEN 'L2 bytes (--metrics lts__t_bytes.sum)' END,
            CASE WHEN l1 IS NULL THEN 'L1 bytes (--metrics l1tex__t_bytes.sum)' END,
            CASE WHEN dram.duration_ns IS NULL THEN 'time (--metrics gpu__time_duration.sum)' END,
            CASE WHEN l2.bytes IS NOT NULL AND l2.peak_bytes_per_s IS NULL
                 THEN 'L2 roof (--set roofline)' END,
            CASE WHEN l1.bytes IS NOT NULL AND l1.peak_bytes_per_s IS NULL
                 THEN 'L1 roof (--set roofline)' END,
            CASE WHEN dram_peak IS NULL OR peakless THEN 'peaks at the clocks of the run (--set roofline)' END
        ],
        lambda what: what IS NOT NULL
    ) AS lacks
FROM dram
JOIN flop USING (kernel_id)
LEFT JOIN levels USING (kernel_id)
