-- Work and traffic of one profiled workload at each memory level, and the peaks for them (ncu).
--
-- L2 and L1 have several metrics, and a report holds some of them: best what NVIDIA's roofline sections draw,
-- the bytes that a level returned (L2 to the SMs, L1 to the registers: reads), for which there are peaks;
-- else all requests (lts__t_bytes, l1tex__t_bytes). Compare rows of the same metric. Nothing that is missing
-- counts as 0: lacks lists it, with the options of ncu that record it.
-- @column trace_id BIGINT               the trace it belongs to, see traces
-- @column trace VARCHAR                 name of the trace
-- @column kernel_id BIGINT              the workload, see kernels
-- @column kernel VARCHAR                kernel name
-- @column duration_ns BIGINT            time on the GPU
-- @column flop DOUBLE                   executed in all precisions, see kernel_flop; NULL if one is unknown
-- @column dram_bytes DOUBLE             bytes read from and written to DRAM
-- @column l2_bytes DOUBLE               bytes at L2, as l2_metric counts them
-- @column l1_bytes DOUBLE               bytes at L1, as l1_metric counts them
-- @column l2_metric VARCHAR             metric behind l2_bytes
-- @column l1_metric VARCHAR             metric behind l1_bytes
-- @column dram_peak_bytes_per_s DOUBLE  at the clocks of the run; NULL where the report does not tell
-- @column l2_peak_bytes_per_s DOUBLE    of l2_metric, likewise
-- @column l1_peak_bytes_per_s DOUBLE    of l1_metric, likewise
-- @column lacks VARCHAR[]               what the report lacks (--option of ncu that records it)

WITH flop AS (
    SELECT
        kernel_id,
        CASE WHEN count(*) = count(flop) THEN sum(flop) END AS flop,
        list(DISTINCT CASE cores WHEN 'cuda' THEN precision[:4] ELSE cores END) FILTER (flop IS NULL)
            AS unknown,
        bool_or(peak_flop_per_s IS NULL) FILTER (flop > 0) AS peakless
    FROM kernel_flop
    GROUP BY kernel_id
),
-- The better metric of a level first. What a report gives per second counts for the whole duration.
metrics_of_levels(level, place, base, unit_bytes, clock) AS (
    VALUES
        ('dram', 1, 'dram__bytes.sum', 1, 'dram__cycles_elapsed.avg.per_second'),
        ('l2', 1, 'derived__lts__lts2xbar_bytes.sum', 1, 'lts__cycles_elapsed.avg.per_second'),
        ('l2', 2, 'lts__t_bytes.sum', 1, 'lts__cycles_elapsed.avg.per_second'),
        ('l2', 3, 'lts__t_sectors.sum', 32, 'lts__cycles_elapsed.avg.per_second'),
        ('l2', 4, 'l1tex__m_xbar2l1tex_read_bytes.sum', 1, 'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 1, 'derived__l1tex__lsu_writeback_bytes_mem_lgds.sum', 1,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 2, 'derived__l1tex__lsu_writeback_bytes_mem_lg.sum', 1,
         'l1tex__cycles_elapsed.avg.per_second'),
        ('l1', 3, 'l1tex__t_bytes.sum', 1, 'l1tex__cycles_elapsed.avg.per_second')
),
names AS (
    SELECT *, base || form AS metric
    FROM metrics_of_levels
    CROSS JOIN (VALUES (''), ('.per_second'), ('.peak_sustained')) AS forms(form)
),
clocks AS (
    SELECT kernel_id, metric AS clock, max(value) AS hz
    FROM metrics
    WHERE metric IN (SELECT clock FROM metrics_of_levels)
    GROUP BY ALL
),
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
        unit_bytes * max(value) FILTER (form = '.peak_sustained') * any_value(hz) AS peak_bytes_per_s
    FROM metrics
    JOIN names USING (metric)
    JOIN kernels USING (kernel_id)
    LEFT JOIN clocks USING (kernel_id, clock)
    GROUP BY kernel_id, level, place, base, unit_bytes
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
            CASE WHEN list_contains(unknown, 'fp64')
                 THEN 'fp64 FLOP (--section SpeedOfLight_HierarchicalDoubleRooflineChart)' END,
            CASE WHEN list_contains(unknown, 'fp32')
                 THEN 'fp32 FLOP (--section SpeedOfLight_HierarchicalSingleRooflineChart)' END,
            CASE WHEN list_contains(unknown, 'fp16')
                 THEN 'fp16 FLOP (--section SpeedOfLight_HierarchicalHalfRooflineChart)' END,
            CASE WHEN list_contains(unknown, 'tensor')
                 THEN 'tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart)' END,
            CASE WHEN dram_bytes IS NULL THEN 'DRAM bytes (--metrics dram__bytes.sum)' END,
            CASE WHEN l2 IS NULL THEN 'L2 bytes (--metrics lts__t_bytes.sum)' END,
            CASE WHEN l1 IS NULL THEN 'L1 bytes (--metrics l1tex__t_bytes.sum)' END,
            CASE WHEN dram.duration_ns IS NULL THEN 'time (--metrics gpu__time_duration.sum)' END,
            CASE WHEN dram_peak IS NULL OR peakless THEN 'peaks at the clocks of the run (--set roofline)' END
        ],
        lambda what: what IS NOT NULL
    ) AS lacks
FROM dram
JOIN flop USING (kernel_id)
LEFT JOIN levels USING (kernel_id)
