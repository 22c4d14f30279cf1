-- The ways that data takes between kernel, caches and memories in ncu's memory chart, and their counters.
--
-- Source: the section MemoryWorkloadAnalysis_Chart of Nsight Compute. Constants have a cache for those that
-- are addressed (constant, IDC), one for those in instructions (immediate, IMC), and one of both and of code
-- behind them (GCC). compression is the unit of L2 that does so: its bytes are what it was given. On GB200
-- system memory and that of peers lie behind an L2 of their own (syslts). Loads, stores and atomics at L1 and
-- in shared memory are those of memory_operations; atomics count as what goes down. GPUs that do not count
-- atomics beyond L2 together (8.0) do so by kind. One measure of a way is the sum of its terms, each the
-- first of its metrics that a report has.
-- @column source VARCHAR   where data comes from: kernel, L1, shared, other_SMs, constant, immediate, GCC,
--         L2, compression, DRAM, system or peer
-- @column target VARCHAR   where it goes; empty for a place itself
-- @column measure VARCHAR  requests, bytes, hit_rate_pct or throughput_pct
-- @column term BIGINT      number of the term
-- @column choice BIGINT    number of the metric among those that count the same
-- @column metric VARCHAR   NVIDIA's name
-- @column scale BIGINT     what its value is multiplied by: 32 for sectors; 0 where another term counts it

WITH in_sm AS (
    UNPIVOT (
        SELECT
            if(level = 'L1', 'L1', 'shared') AS place,
            operation IN ('global_load', 'local_load', 'surface_load', 'texture', 'load') AS is_load,
            operation,
            requests_metric AS requests,
            sectors_metric AS bytes
        FROM memory_operations
        WHERE level IN ('L1', 'shared') AND operation <> 'all' AND NOT starts_with(operation, 'async_copy')
    ) ON requests, bytes INTO NAME measure VALUE metrics
),
between_places AS (
    FROM (VALUES
        ('L2', 'L1', 'requests', 1, 'lts__t_requests_srcunit_tex_op_read.sum'),
        ('L2', 'L1', 'bytes', 1, 'l1tex__m_xbar2l1tex_read_bytes.sum'),
        ('L2', 'L1', 'throughput_pct', 1, 'l1tex__m_xbar2l1tex_read_bytes.sum.pct_of_peak_sustained_elapsed'),
        ('L1', 'L2', 'requests', 1, 'lts__t_requests_srcunit_tex_op_write.sum'),
        ('L1', 'L2', 'requests', 1, 'lts__t_requests_srcunit_tex_op_red.sum'),
        ('L1', 'L2', 'requests', 1, 'lts__t_requests_srcunit_tex_op_atom_dot_alu.sum'),
        ('L1', 'L2', 'requests', 1, 'lts__t_requests_srcunit_tex_op_atom_dot_cas.sum'),
        ('L1', 'L2', 'bytes', 1, 'l1tex__m_l1tex2xbar_write_bytes.sum'),
        ('L1', 'L2', 'throughput_pct', 1,
         'l1tex__m_l1tex2xbar_write_bytes.sum.pct_of_peak_sustained_elapsed'),
        ('L2', 'shared', 'bytes', 1, 'l1tex__m_xbar2l1tex_read_bytes_mem_global_op_tma_ld.sum'),
        ('L2', 'shared', 'bytes', 1,
         'sm__sass_l1tex_m_xbar2l1tex_read_bytes_mem_global_op_ldgsts_cache_bypass.sum'),
        ('shared', 'L2', 'bytes', 1, 'l1tex__m_l1tex2xbar_write_bytes_mem_global_op_tma_st.sum'),
        ('shared', 'L2', 'bytes', 1, 'l1tex__m_l1tex2xbar_write_bytes_mem_global_op_tma_red.sum'),
        ('other_SMs', 'shared', 'bytes', 1, 'l1tex__m_xbar2l1tex_read_bytes_mem_dshared.sum'),
        ('shared', 'other_SMs', 'bytes', 1, 'l1tex__m_l1tex2xbar_write_bytes_mem_dshared.sum'),
        ('DRAM', 'L2', 'throughput_pct', 1, 'dram__bytes_read.sum.pct_of_peak_sustained_elapsed'),
        ('L2', 'DRAM', 'throughput_pct', 1, 'dram__bytes_write.sum.pct_of_peak_sustained_elapsed'),
        ('L1', '', 'hit_rate_pct', 1, 'l1tex__t_sector_hit_rate.pct'),
        ('L1', '', 'throughput_pct', 1, 'l1tex__throughput.avg.pct_of_peak_sustained_active'),
        ('shared', '', 'throughput_pct', 1,
         'l1tex__data_pipe_lsu_wavefronts_mem_shared.sum.pct_of_peak_sustained_elapsed'),
        ('constant', 'kernel', 'requests', 1, 'idc__requests.sum'),
        ('constant', 'kernel', 'throughput_pct', 1, 'idc__requests.sum.pct_of_peak_sustained_elapsed'),
        ('constant', '', 'hit_rate_pct', 1, 'idc__request_hit_rate.pct'),
        ('immediate', 'kernel', 'requests', 1, 'smsp__imc_requests.sum'),
        ('immediate', 'kernel', 'throughput_pct', 1, 'smsp__imc_requests.sum.pct_of_peak_sustained_elapsed'),
        ('immediate', '', 'hit_rate_pct', 1, 'smsp__imc_request_hit_rate.pct'),
        ('GCC', '', 'requests', 1, 'gcc__cache_requests_type_constant.sum'),
        ('GCC', '', 'requests', 1, 'gcc__cache_requests_type_instruction.sum'),
        ('GCC', '', 'hit_rate_pct', 1, 'gcc__average_cache_request_hit_rate.pct'),
        ('L2', 'GCC', 'bytes', 32, 'gcc__xbar2gcc_sectors.sum'),
        ('L2', 'GCC', 'throughput_pct', 1, 'gcc__xbar2gcc_sectors.sum.pct_of_peak_sustained_elapsed'),
        ('compression', '', 'bytes', 32, 'lrc__ilc_input_sectors.sum|lts__gcomp_input_sectors.sum'),
        ('compression', '', 'hit_rate_pct', 1,
         'lrc__average_ilc_input_sector_success_rate.pct|lts__average_gcomp_input_sector_success_rate.pct'),
        ('compression', '', 'throughput_pct', 1,
         'lrc__ilc_input_sectors.sum.pct_of_peak_sustained_elapsed|'
         || 'lts__gcomp_input_sectors.sum.pct_of_peak_sustained_elapsed'),
        ('L2', '', 'hit_rate_pct', 1, 'lts__t_sector_hit_rate.pct'),
        ('L2', '', 'throughput_pct', 1, 'lts__throughput.avg.pct_of_peak_sustained_elapsed'),
        ('DRAM', '', 'throughput_pct', 1,
         'dram__throughput.avg.pct_of_peak_sustained_elapsed|'
         || 'gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed')
    ) AS known (source, target, measure, scale, metrics)
),
beyond AS (
    SELECT
        if(op = 'read', place, 'L2') AS source,
        if(op = 'read', 'L2', place) AS target,
        measure,
        scale,
        concat_ws(
            '|',
            if(op = 'read', NULL, 'lts' || counter || value),
            'lts' || counter || '_lookup_miss' || value,
            'syslts' || counter || '_lookup_miss' || value,
            'lts' || counter || kind || '_lookup_miss' || value,
            'syslts' || counter || kind || '_lookup_miss' || value
        ) AS metrics,
        if(kind = '_dot_cas', 3, 0) AS counted
    FROM (
        SELECT *, '__t_sectors_srcunit_tex_aperture_' || aperture || '_op_' || op AS counter
        FROM (VALUES ('system', 'sysmem'), ('peer', 'peer')) AS places (place, aperture),
            (VALUES
                ('read', NULL), ('write', NULL), ('red', NULL), ('atom', '_dot_alu'), ('atom', '_dot_cas')
            ) AS operations (op, kind),
            (VALUES
                ('bytes', 32, '.sum'), ('throughput_pct', 1, '.sum.pct_of_peak_sustained_elapsed')
            ) AS measures (measure, scale, value)
    )
),
terms AS (
    SELECT
        if(is_load, place, 'kernel') AS source,
        if(is_load, 'kernel', place) AS target,
        measure,
        if(measure = 'bytes', 32, 1) AS scale,
        metrics
    FROM in_sm
    UNION ALL BY NAME
    FROM between_places
    UNION ALL BY NAME
    FROM beyond
)
SELECT
    source,
    target,
    measure,
    term,
    choice,
    metric,
    if(choice <= counted, 0, scale)::BIGINT AS scale
FROM (
    SELECT * EXCLUDE (alternatives), generate_subscripts(alternatives, 1) AS choice,
           unnest(alternatives) AS metric
    FROM (
        SELECT
            * REPLACE (coalesce(counted, 0) AS counted),
            row_number() OVER (PARTITION BY source, target, measure ORDER BY metrics) AS term,
            string_split(metrics, '|') AS alternatives
        FROM terms
    )
)
