-- Which counters moved with the time of kernels, between two traces of ncu or two groups of them?
--
-- An amount of work (bytes, instructions, cycles) takes time = amount ÷ rate, so that the logarithms of the
-- changes add up: explained_pct = ln(amount after ÷ before) ÷ ln(time after ÷ before). 100 % is an amount
-- that changed as the time did, at the same rate; of 0 % it did not change, and its rate did. A clock or the
-- occupancy counts the other way round: twice of it for half of the time. What moved with the time need not
-- be its cause: bytes, instructions and cycles often move together. A row for each counter of the totals, and
-- of each kernel or range that both sides hold, with all its launches; those that explain most come first.
-- @param  baseline VARCHAR[]          traces before the change
-- @param  variant VARCHAR[]           traces after it
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|range) = 'kernel'  kernel or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  metric VARCHAR[] = NULL     ncu metrics more, of amounts (.sum)
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 10           kernels or ranges, those whose time changed most; NULL for all
-- @needs  metrics
-- @metrics dram__bytes_read.sum dram__bytes_write.sum smsp__inst_executed.sum
-- @metrics gpc__cycles_elapsed.max gpc__cycles_elapsed.avg.per_second
-- @metrics sm__warps_active.avg.pct_of_peak_sustained_active
-- @column group_name VARCHAR          kernel name, or range path (empty outside any); NULL for all together
-- @column baseline_ns DOUBLE          time of all launches before; the mean of several traces
-- @column variant_ns DOUBLE           after
-- @column time_delta_pct DOUBLE       change of the time
-- @column measure VARCHAR             the counter: NVIDIA's name, or ours of what diff compares
-- @column meaning VARCHAR             what it is; NULL for one that was asked for
-- @column baseline DOUBLE             its sum before; of a clock or occupancy the mean over time
-- @column variant DOUBLE              after
-- @column delta_pct DOUBLE            its change
-- @column rate_delta_pct DOUBLE       change of the amount by time; NULL for a clock or occupancy
-- @column explained_pct DOUBLE        share of the change of time; NULL if it is below 2 %, or not known
-- @column finding VARCHAR             with the time (80 to 125 % of it), in part (from 20 %), more (above),
--         against it (below -20 %); NULL for what hardly moved
-- @column remark VARCHAR              why a number is NULL; empty if none is
-- @chart  moved_bars group=group_name before=baseline_ns after=variant_ns time=time_delta_pct
--         measure=measure meaning=meaning change=delta_pct share=explained_pct finding=finding
-- @compared counters 20 What moved with the time | drawn
-- @note   SELECT format(
-- @note   '{}: time {:+.1f} %; {}.',
-- @note   CASE WHEN group_name IS NULL THEN 'All together' WHEN group_name = '' THEN 'Outside any range'
-- @note   ELSE group_name END, max(time_delta_pct), coalesce(
-- @note   string_agg(said || names, '; ' ORDER BY place), 'none of these counters moved with it'))
-- @note   FROM (SELECT group_name, baseline_ns, variant_ns, max(time_delta_pct) AS time_delta_pct,
-- @note   CASE finding WHEN 'with the time' THEN 1 WHEN 'more' THEN 2 WHEN 'in part' THEN 3 END AS place,
-- @note   ['with it moved ', 'more than it: ', 'in part: '][place] AS said,
-- @note   string_agg(format('{} {:+.1f} %', coalesce(meaning, measure), delta_pct), ', '
-- @note   ORDER BY abs(explained_pct - 100), measure) AS names
-- @note   FROM answer GROUP BY group_name, baseline_ns, variant_ns, place) WHERE abs(time_delta_pct) >= 2
-- @note   GROUP BY group_name, baseline_ns, variant_ns
-- @note   ORDER BY group_name IS NOT NULL, abs(variant_ns - baseline_ns) DESC, group_name LIMIT 4
-- @empty  Both sides hold no kernel of that name with a time: launches of one side only are in traceql diff.

WITH chosen AS (
    SELECT side, trace_id FROM compared_traces($baseline, $variant) WHERE has_counters
),
-- Whether twice of it takes twice as long, or half.
known (measure, is_amount, meaning) AS (
    VALUES
        ('launches', true, 'launches'),
        ('dram_read_bytes', true, 'bytes read from DRAM'),
        ('dram_write_bytes', true, 'bytes written to DRAM'),
        ('dram_bytes', true, 'DRAM bytes'),
        ('l2_read_sectors', true, 'sectors read from L2'),
        ('l2_write_sectors', true, 'sectors written to L2'),
        ('lts__t_sectors.sum', true, 'L2 sectors'),
        ('l1tex__m_xbar2l1tex_read_bytes.sum', true, 'bytes that L1 read from L2'),
        ('l1tex__data_pipe_lsu_wavefronts_mem_shared.sum', true, 'wavefronts of shared memory'),
        ('smsp__sass_inst_executed_op_local_ld.sum', true, 'loads from local memory'),
        ('smsp__inst_executed.sum', true, 'instructions'),
        ('sm__warps_launched.sum', true, 'warps'),
        ('gpc__cycles_elapsed.max', true, 'cycles'),
        ('gpc__cycles_elapsed.avg.per_second', false, 'SM clock'),
        ('dram__cycles_elapsed.avg.per_second', false, 'DRAM clock'),
        ('sm__warps_active.avg.pct_of_peak_sustained_active', false, 'achieved occupancy')
),
wanted AS (
    FROM known
    UNION ALL
    SELECT asked, true, NULL
    FROM (SELECT DISTINCT unnest($metric) AS asked)
    WHERE asked NOT IN (SELECT measure FROM known)
),
launches AS (
    SELECT
        side,
        chosen.trace_id,
        group_name,
        kernels.kernel_id,
        kernels.duration_ns,
        {
            'launches': 1.0,
            'dram_read_bytes': dram_read_bytes,
            'dram_write_bytes': dram_write_bytes,
            'dram_bytes': dram_bytes,
            'l2_read_sectors': l2_read_sectors,
            'l2_write_sectors': l2_write_sectors
        } AS ours
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN dram USING (kernel_id)
    JOIN chosen ON chosen.trace_id = kernels.trace_id
    WHERE kernels.duration_ns > 0
),
counted AS (
    SELECT launches.* EXCLUDE (ours), wanted.*,
           coalesce(value, CASE measure
               WHEN 'launches' THEN ours.launches
               WHEN 'dram_read_bytes' THEN ours.dram_read_bytes
               WHEN 'dram_write_bytes' THEN ours.dram_write_bytes
               WHEN 'dram_bytes' THEN ours.dram_bytes
               WHEN 'l2_read_sectors' THEN ours.l2_read_sectors
               WHEN 'l2_write_sectors' THEN ours.l2_write_sectors END) AS value
    FROM launches
    CROSS JOIN wanted
    LEFT JOIN metrics ON metrics.kernel_id = launches.kernel_id AND metrics.metric = measure
),
summed AS (
    SELECT
        side,
        trace_id,
        grouping(counted.group_name) = 1 AS is_total,
        CASE WHEN NOT is_total THEN coalesce(counted.group_name, '') END AS group_name,
        measure,
        is_amount,
        meaning,
        sum(duration_ns) AS total_ns,
        count(value) > 0 AS is_measured,
        -- Of a part of the launches it is not the counter of their time.
        CASE WHEN count(value) = count(*)
             THEN CASE WHEN is_amount THEN sum(value) ELSE mean_over_time(value, duration_ns) END END
             AS amount
    FROM counted
    GROUP BY GROUPING SETS (
        (side, trace_id, measure, is_amount, meaning),
        (side, trace_id, measure, is_amount, meaning, counted.group_name)
    )
),
sides AS (
    SELECT
        group_name,
        is_total,
        measure,
        is_amount,
        meaning,
        avg(total_ns) FILTER (side = 'baseline') AS baseline_ns,
        avg(total_ns) FILTER (side = 'variant') AS variant_ns,
        CASE WHEN count(amount) FILTER (side = 'baseline') = count(*) FILTER (side = 'baseline')
             THEN avg(amount) FILTER (side = 'baseline') END AS baseline,
        CASE WHEN count(amount) FILTER (side = 'variant') = count(*) FILTER (side = 'variant')
             THEN avg(amount) FILTER (side = 'variant') END AS variant
    FROM summed
    GROUP BY ALL
    HAVING bool_or(is_measured) AND count(DISTINCT side) = 2
),
changed AS (
    SELECT
        *,
        100 * (variant_ns / baseline_ns - 1) AS time_delta_pct,
        percent(variant - baseline, baseline) AS delta_pct,
        CASE WHEN is_amount THEN percent(variant, baseline) * baseline_ns / variant_ns - 100 END
            AS rate_delta_pct,
        CASE WHEN abs(time_delta_pct) >= 2 AND baseline > 0 AND variant > 0
             THEN 100 * CASE WHEN is_amount THEN ln(variant / baseline) ELSE ln(baseline / variant) END
                 / ln(variant_ns / baseline_ns) END AS explained_pct
    FROM sides
    QUALIFY is_total OR within_limit(
        dense_rank() OVER (PARTITION BY is_total ORDER BY abs(variant_ns - baseline_ns) DESC, group_name),
        $limit
    )
)
SELECT
    group_name,
    baseline_ns,
    variant_ns,
    time_delta_pct,
    measure,
    meaning,
    baseline,
    variant,
    delta_pct,
    rate_delta_pct,
    explained_pct,
    CASE WHEN explained_pct BETWEEN 80 AND 125 THEN 'with the time'
         WHEN explained_pct BETWEEN 20 AND 80 THEN 'in part'
         WHEN explained_pct > 125 THEN 'more'
         WHEN explained_pct < -20 THEN 'against it' END AS finding,
    concat_ws(
        '; ',
        CASE WHEN baseline IS NULL AND variant IS NULL THEN 'not measured of all launches'
             WHEN baseline IS NULL THEN 'not measured of all launches before'
             WHEN variant IS NULL THEN 'not measured of all launches after'
             WHEN baseline = 0 OR variant = 0 THEN 'none of it on a side' END,
        CASE WHEN abs(time_delta_pct) < 2 THEN 'the time is the same within 2 %' END
    ) AS remark
FROM changed
ORDER BY is_total DESC, abs(variant_ns - baseline_ns) DESC, group_name,
    abs(explained_pct - 100) NULLS LAST, measure
