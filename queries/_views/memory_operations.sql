-- The rows of ncu's memory tables, and the metrics that count them.
--
-- Source: the section MemoryWorkloadAnalysis_Tables of Nsight Compute. Of a sector 32 bytes are moved.
-- async_copy is what cp.async copies from global to shared memory (LDGSTS), through L1 or past it.
-- @column level VARCHAR        L1, shared, distributed, TMA, L2, DRAM, constant or spills
-- @column operation VARCHAR    global_load, read … or all
-- @column requests_metric VARCHAR  metric of requests: instructions of warps; L2: what L1 asks
-- @column sectors_metric VARCHAR  metric of sectors of 32 bytes
-- @column hits_metric VARCHAR  metric of the sectors that were there
-- @column hit_rate_metric VARCHAR  metric of their share
-- @column wavefronts_metric VARCHAR  metric of the passes that requests took
-- @column conflicts_metric VARCHAR  metric of bank conflicts
-- @column bytes_metric VARCHAR  metric of bytes, where they are not those of sectors

WITH l1 AS (
    SELECT
        operation,
        'l1tex__t_requests_pipe_' || pipe || '.sum' AS requests_metric,
        'l1tex__t_sectors_pipe_' || pipe || '.sum' AS sectors_metric,
        'l1tex__t_sectors_pipe_' || pipe || '_lookup_hit.sum' AS hits_metric,
        'l1tex__t_output_wavefronts_pipe_' || pipe || '.sum' AS wavefronts_metric
    FROM (VALUES
        ('global_load', 'lsu_mem_global_op_ld'), ('global_store', 'lsu_mem_global_op_st'),
        ('global_atomic', 'lsu_mem_global_op_atom'), ('global_reduction', 'lsu_mem_global_op_red'),
        ('local_load', 'lsu_mem_local_op_ld'), ('local_store', 'lsu_mem_local_op_st'),
        ('surface_load', 'tex_mem_surface_op_ld'), ('surface_store', 'tex_mem_surface_op_st'),
        ('surface_atomic', 'tex_mem_surface_op_atom'), ('surface_reduction', 'tex_mem_surface_op_red'),
        ('texture', 'tex_mem_texture')
    ) AS operations (operation, pipe)
),
copied AS (
    SELECT
        'async_copy' || suffix AS operation,
        'sm__sass_l1tex_t_requests_pipe_lsu_mem_global_op_ldgsts_' || way || '.sum' AS requests_metric,
        'sm__sass_l1tex_t_sectors_pipe_lsu_mem_global_op_ldgsts_' || way || '.sum' AS sectors_metric
    FROM (VALUES ('', 'cache_access'), ('_past_l1', 'cache_bypass')) AS operations (suffix, way)
),
-- Shared memory of other SMs of a cluster.
distributed AS (
    SELECT
        operation,
        'l1tex__t_requests_pipe_lsu_mem_dshared_op_' || op || '.sum' AS requests_metric,
        'l1tex__t_sectors_pipe_lsu_mem_dshared_op_' || op || '.sum' AS sectors_metric,
        'l1tex__t_output_wavefronts_pipe_lsu_mem_dshared_op_' || op || '.sum' AS wavefronts_metric
    FROM (VALUES
        ('load', 'ld'), ('store', 'st'), ('atomic', 'atom'), ('reduction', 'redas')
    ) AS operations (operation, op)
),
-- The Tensor Memory Accelerator copies tiles between global and shared memory.
tma AS (
    SELECT
        operation,
        inst || '_executed_op_tma_' || op || '.sum' AS requests_metric,
        'l1tex__m_' || way || '_sectors_mem_global_op_tma_' || op || '.sum' AS sectors_metric,
        'l1tex__m_' || way || '_bytes_mem_global_op_tma_' || op || '.sum' AS bytes_metric
    FROM (VALUES
        ('load', 'ld', 'xbar2l1tex_read', 'smsp__inst'), ('store', 'st', 'l1tex2xbar_write', 'smsp__inst'),
        ('reduction', 'red', 'l1tex2xbar_write', 'smsp__sass_inst')
    ) AS operations (operation, op, way, inst)
),
shared AS (
    SELECT
        operation,
        inst AS requests_metric,
        unit || '_wavefronts_mem_shared_op_' || op || '.sum' AS wavefronts_metric,
        'l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_' || op || '.sum' AS conflicts_metric
    FROM (VALUES
        ('load', 'ld', 'smsp__sass_inst_executed_op_shared_ld.sum', 'l1tex__data_pipe_lsu'),
        ('store', 'st', 'smsp__sass_inst_executed_op_shared_st.sum', 'l1tex__data_pipe_lsu'),
        ('atomic', 'atom', 'smsp__inst_executed_op_shared_atom.sum', 'l1tex__data_pipe_lsu'),
        ('async_copy', 'ldgsts', 'smsp__inst_executed_op_ldgsts.sum', 'smsp__sass_l1tex_data_pipe_lsu')
    ) AS operations (operation, op, inst, unit)
),
l2 AS (
    SELECT
        operation,
        'lts__t_requests_srcunit_tex_op_' || op || '.sum' AS requests_metric,
        'lts__t_sectors_srcunit_tex_op_' || op || '.sum' AS sectors_metric,
        'lts__t_sectors_srcunit_tex_op_' || op || '_lookup_hit.sum' AS hits_metric
    FROM (VALUES
        ('read', 'read'), ('write', 'write'), ('reduction', 'red'),
        ('atomic_alu', 'atom_dot_alu'), ('atomic_cas', 'atom_dot_cas')
    ) AS operations (operation, op)
)
SELECT 'L1' AS level, operation, requests_metric, sectors_metric, hits_metric,
    NULL::VARCHAR AS hit_rate_metric, wavefronts_metric,
    NULL::VARCHAR AS conflicts_metric, NULL::VARCHAR AS bytes_metric
FROM l1
UNION ALL BY NAME
SELECT 'L1' AS level, 'all' AS operation, 'l1tex__t_sector_hit_rate.pct' AS hit_rate_metric
UNION ALL BY NAME
SELECT 'L1' AS level, operation, requests_metric, sectors_metric FROM copied
UNION ALL BY NAME
SELECT 'distributed' AS level, operation, requests_metric, sectors_metric, wavefronts_metric FROM distributed
UNION ALL BY NAME
SELECT 'TMA' AS level, operation, requests_metric, sectors_metric, bytes_metric FROM tma
UNION ALL BY NAME
SELECT 'shared' AS level, operation, requests_metric, wavefronts_metric, conflicts_metric FROM shared
UNION ALL BY NAME
SELECT 'L2' AS level, operation, requests_metric, sectors_metric, hits_metric FROM l2
UNION ALL BY NAME
SELECT 'L2' AS level, 'all' AS operation, 'lts__t_requests.sum' AS requests_metric,
    'lts__t_sectors.sum' AS sectors_metric, 'lts__t_sectors_lookup_hit.sum' AS hits_metric,
    'lts__t_sector_hit_rate.pct' AS hit_rate_metric
UNION ALL BY NAME
SELECT 'DRAM' AS level, op AS operation, 'dram__sectors_' || op || '.sum' AS sectors_metric,
    'dram__bytes_' || op || '.sum' AS bytes_metric
FROM (VALUES ('read'), ('write')) AS operations (op)
UNION ALL BY NAME
SELECT 'constant' AS level, 'all' AS operation, 'idc__requests.sum' AS requests_metric,
    'idc__request_hit_rate.pct' AS hit_rate_metric
UNION ALL BY NAME
SELECT 'spills' AS level, operation, requests_metric
FROM (VALUES
    ('all', 'derived__local_spilling_requests'),
    ('load', 'sass__inst_executed_register_spilling_op_read'),
    ('store', 'sass__inst_executed_register_spilling_op_write')
) AS spills (operation, requests_metric)
