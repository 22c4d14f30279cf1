-- Where work sits under the roofs: one kernel, launch, NVTX range or layer of a trace (ncu).
--
-- Sums over all launches of the row; a sum in which one launch is unknown is NULL. Peaks are kept apart:
-- profiled_ are those at the clocks of the run, from the report; datasheet_ what NVIDIA publishes.
-- compute_pct is of the roof of one precision, the one whose FLOP would take longest at peak. bound compares
-- that time with the one that DRAM traffic takes at peak (profiled peaks, or datasheet ones where a profiled
-- one is missing): the same as arithmetic intensity against ridge point. Ranges hold what runs in the ranges
-- inside them, too. A layer's kind, phase and prompt length are the tags layer_kind, phase and seq_len of the
-- trace, or words such as seq_len=512 in the texts of the NVTX ranges around it, or else the range inside one
-- called layer, and the phase of vLLM's steps (execute_context_…). Where nothing tells the kind, the modules
-- of numbered layers are kinds (layers.*.mlp), as in layer_breakdown: a kernel counts in each one around it.
-- @needs  metrics
-- @metrics smsp__sass_thread_inst_executed_op_ffma_pred_on.sum|
--         smsp__sass_thread_inst_executed_op_ffma_pred_on.sum.per_cycle_elapsed|
--         sm__sass_thread_inst_executed_op_ffma_pred_on.sum
-- @metrics sm__ops_path_tensor_src_bf16_dst_fp32.sum|
--         sm__ops_path_tensor_src_fp16_dst_fp32.sum|
--         smsp__inst_executed_pipe_tensor.sum.per_cycle_elapsed
-- @metrics dram__bytes.sum|dram__bytes.sum.per_second|dram__bytes_read.sum|dram__bytes_read.sum.per_second
-- @metrics dram__bytes.sum.peak_sustained
-- @ncu    --set roofline
-- @column grouping VARCHAR                launch, kernel (all that have one distinct name, see kernel_names),
--         kernel_short, kernel_full, range or layer
-- @column trace_id BIGINT                 the trace it belongs to, see traces
-- @column trace VARCHAR                   name of the trace
-- @column kernel_id BIGINT                the launch, see kernels; NULL for other groupings
-- @column domain VARCHAR                  NVTX domain of a range
-- @column path VARCHAR                    the range; of a launch, the innermost one of the default domain
-- @column name VARCHAR                    kernel name (of a launch the distinct one), or kind of layer; NULL
--         for ranges
-- @column phase VARCHAR                   of a layer: prefill, decode, mixed …
-- @column seq_len BIGINT                  of a layer: prompt length
-- @column kernels BIGINT                  profiled workloads
-- @column gpu_ns BIGINT                   GPU time of all of them
-- @column flop DOUBLE                     executed, in all precisions
-- @column precision VARCHAR               the one of the compute roof
-- @column bound VARCHAR                   memory_bound or compute_bound, at DRAM
-- @column dram_flop_per_byte DOUBLE       arithmetic intensity at DRAM
-- @column flop_per_s DOUBLE               achieved
-- @column dram_bytes_per_s DOUBLE         achieved
-- @column compute_pct DOUBLE              of profiled_flop_per_s, by the precision's FLOP
-- @column dram_pct DOUBLE                 of profiled_dram_bytes_per_s
-- @column datasheet_compute_pct DOUBLE    of datasheet_flop_per_s
-- @column datasheet_dram_pct DOUBLE       of datasheet_dram_bytes_per_s
-- @column profiled_flop_per_s DOUBLE      compute roof of the precision, at the clocks of the run
-- @column profiled_dram_bytes_per_s DOUBLE  DRAM roof, at the clocks of the run
-- @column profiled_l2_bytes_per_s DOUBLE  L2 roof of l2_metric, at the clocks of the run
-- @column profiled_l1_bytes_per_s DOUBLE  L1 roof of l1_metric, at the clocks of the run
-- @column datasheet_flop_per_s DOUBLE     compute roof of the precision, as published
-- @column datasheet_dram_bytes_per_s DOUBLE  DRAM roof, as published
-- @column bound_by VARCHAR                the peaks that decide it: profiled or datasheet
-- @column flop_by_precision MAP(VARCHAR, DOUBLE)  precision → executed; those that did nothing are left out
-- @column dram_bytes DOUBLE               bytes at DRAM
-- @column l2_bytes DOUBLE                 bytes at L2
-- @column l1_bytes DOUBLE                 bytes at L1
-- @column l2_flop_per_byte DOUBLE         arithmetic intensity at L2
-- @column l1_flop_per_byte DOUBLE         arithmetic intensity at L1
-- @column l2_bytes_per_s DOUBLE           achieved
-- @column l1_bytes_per_s DOUBLE           achieved
-- @column l2_pct DOUBLE                   of the peak of l2_metric at the clocks of the run
-- @column l1_pct DOUBLE                   of the peak of l1_metric at the clocks of the run
-- @column l2_metric VARCHAR               metric behind l2_bytes
-- @column l1_metric VARCHAR               metric behind l1_bytes
-- @column lacks VARCHAR                   what the report lacks (--option of ncu that records it)

-- Counters come in reports of ncu: ranges of timelines, of which there are many more, are not looked at.
WITH ranges AS (
    FROM ncu_ranges WHERE style = 'pushpop'
),
launches AS (
    SELECT
        kernels.trace_id,
        kernels.kernel_id,
        kernels.name AS short_name,
        kernel_names.full_name,
        distinct_name AS name,
        path,
        coalesce(
            tags['layer_kind'],
            nullif(regexp_extract(path, '\blayer_kind=([^/\s,;]+)', 1), ''),
            nullif(regexp_extract(path, '(?:^|/)layer/([^/]+)', 1), '')
        ) AS kind,
        coalesce(
            tags['phase'],
            nullif(regexp_extract(path, '\bphase=([^/\s,;]+)', 1), ''),
            CASE WHEN regexp_matches(path, 'execute_context_0\([0-9]+\)_generation_[1-9]') THEN 'decode'
                 WHEN regexp_matches(path, 'execute_context_[1-9][0-9]*\([0-9]+\)_generation_0')
                 THEN 'prefill'
                 WHEN regexp_matches(path, 'execute_context_[1-9][0-9]*\([0-9]+\)_generation_[1-9]')
                 THEN 'mixed' END
        ) AS phase,
        try_cast(
            coalesce(tags['seq_len'], nullif(regexp_extract(path, '\bseq_len=([0-9]+)', 1), '')) AS BIGINT
        ) AS seq_len
    FROM kernels
    JOIN traces USING (trace_id)
    LEFT JOIN kernel_names
        ON kernel_names.name = kernels.name AND full_name = coalesce(demangled, kernels.name)
    LEFT JOIN (
        SELECT kernel_id, arg_max(path, depth) AS path FROM ranges WHERE domain = '' GROUP BY kernel_id
    ) AS paths USING (kernel_id)
    WHERE has_counters
),
layers AS (
    SELECT trace_id, kernel_id, kind, phase, seq_len
    FROM launches
    WHERE kind IS NOT NULL
    UNION ALL
    SELECT DISTINCT trace_id, kernel_id, text_pattern(module), phase, seq_len
    FROM launches
    JOIN (SELECT kernel_id, module_of(text, path) AS module FROM ranges) USING (kernel_id)
    WHERE kind IS NULL AND layer_number(module) IS NOT NULL
),
members AS (
    SELECT
        'launch' AS grouping,
        kernel_id,
        {'trace_id': trace_id, 'launch': kernel_id, 'domain': NULL::VARCHAR, 'path': path, 'name': name,
         'phase': NULL::VARCHAR, 'seq_len': NULL::BIGINT} AS key
    FROM launches
    UNION ALL
    SELECT 'kernel', kernel_id, row(trace_id, NULL, NULL, NULL, name, NULL, NULL)
    FROM launches
    UNION ALL
    SELECT 'kernel_short', kernel_id, row(trace_id, NULL, NULL, NULL, short_name, NULL, NULL)
    FROM launches
    UNION ALL
    SELECT 'kernel_full', kernel_id, row(trace_id, NULL, NULL, NULL, full_name, NULL, NULL)
    FROM launches
    UNION ALL
    SELECT DISTINCT 'range', kernel_id, row(trace_id, NULL, domain, path, NULL, NULL, NULL)
    FROM ranges
    UNION ALL
    SELECT 'layer', kernel_id, row(trace_id, NULL, NULL, NULL, kind, phase, seq_len)
    FROM layers
),
profiled AS (
    SELECT
        grouping,
        key,
        kernel_work.* EXCLUDE (kernel),
        gpu_roofs.peak_flop_per_s AS peaks,
        gpu_roofs.dram_bytes_per_s AS datasheet_dram_bytes_per_s
    FROM members
    JOIN kernel_work USING (kernel_id)
    JOIN kernels USING (kernel_id)
    LEFT JOIN gpu_roofs
        ON gpu_roofs.trace_id = kernel_work.trace_id AND gpu_roofs.gpu_id = kernels.gpu_id
),
-- The seconds are those that the work or the traffic would take at peak.
traffic AS (
    SELECT
        grouping,
        key,
        count(*) AS kernels,
        CASE WHEN count(*) = count(duration_ns) THEN sum(duration_ns)::BIGINT END AS gpu_ns,
        CASE WHEN count(*) = count(flop) THEN sum(flop) END AS flop,
        CASE WHEN count(*) = count(dram_bytes) THEN sum(dram_bytes) END AS dram_bytes,
        CASE WHEN count(*) = count(l2_bytes) AND min(l2_metric) = max(l2_metric)
             THEN sum(l2_bytes) END AS l2_bytes,
        CASE WHEN count(*) = count(l1_bytes) AND min(l1_metric) = max(l1_metric)
             THEN sum(l1_bytes) END AS l1_bytes,
        string_agg(DISTINCT l2_metric, ', ' ORDER BY l2_metric) AS l2_metric,
        string_agg(DISTINCT l1_metric, ', ' ORDER BY l1_metric) AS l1_metric,
        CASE WHEN count(*) = count(dram_bytes / dram_peak_bytes_per_s)
             THEN sum(dram_bytes / dram_peak_bytes_per_s) END AS profiled_dram_s,
        CASE WHEN count(*) = count(dram_bytes / datasheet_dram_bytes_per_s)
             THEN sum(dram_bytes / datasheet_dram_bytes_per_s) END AS datasheet_dram_s,
        CASE WHEN min(datasheet_dram_bytes_per_s) = max(datasheet_dram_bytes_per_s)
             THEN min(datasheet_dram_bytes_per_s) END AS datasheet_dram_bytes_per_s,
        CASE WHEN count(*) = count(l2_bytes / l2_peak_bytes_per_s)
             THEN sum(l2_bytes / l2_peak_bytes_per_s) END AS l2_s,
        CASE WHEN count(*) = count(l1_bytes / l1_peak_bytes_per_s)
             THEN sum(l1_bytes / l1_peak_bytes_per_s) END AS l1_s,
        nullif(array_to_string(list_sort(list_distinct(flatten(list(lacks)))), '; '), '') AS lacks
    FROM profiled
    GROUP BY grouping, key
),
precisions AS (
    SELECT
        grouping,
        key,
        precision,
        sum(kernel_flop.flop) AS flop,
        CASE WHEN count(*) = count(peak_flop_per_s)
             THEN sum(kernel_flop.flop / peak_flop_per_s) END AS profiled_s,
        CASE WHEN count(*) = count(published) THEN sum(kernel_flop.flop / published) END AS datasheet_s,
        CASE WHEN min(published) = max(published) THEN min(published) END AS datasheet_flop_per_s
    FROM profiled
    JOIN kernel_flop USING (kernel_id),
    -- Most GPUs have one figure for both units, and for both widths of accumulation.
    LATERAL (SELECT coalesce(
        peaks[precision], peaks[regexp_replace(precision, '_tensor$|_fp16_accumulate$', '')]
    ) AS published)
    WHERE kernel_flop.flop > 0
    GROUP BY grouping, key, precision
),
roofs AS (
    SELECT
        grouping,
        key,
        map_from_entries(list((precision, flop) ORDER BY precision)) AS flop_by_precision,
        CASE WHEN bool_and(coalesce(profiled_s, datasheet_s) IS NOT NULL)
             THEN max_by(precisions, coalesce(profiled_s, datasheet_s))
             ELSE max_by(precisions, flop) END AS roof
    FROM precisions
    GROUP BY grouping, key
),
placed AS (
    SELECT
        traffic.*,
        flop_by_precision,
        CASE WHEN flop > 0 THEN roof END AS roof,
        CASE WHEN flop > 0 THEN roof.profiled_s ELSE flop END AS profiled_s,
        CASE WHEN flop > 0 THEN roof.datasheet_s ELSE flop END AS datasheet_s
    FROM traffic
    LEFT JOIN roofs USING (grouping, key)
)
SELECT
    grouping,
    key.trace_id AS trace_id,
    trace,
    key.launch AS kernel_id,
    key.domain AS domain,
    key.path AS path,
    key.name AS name,
    key.phase AS phase,
    key.seq_len AS seq_len,
    kernels,
    gpu_ns,
    flop,
    roof.precision AS precision,
    CASE coalesce(profiled_s > profiled_dram_s, datasheet_s > datasheet_dram_s)
        WHEN true THEN 'compute_bound' WHEN false THEN 'memory_bound'
    END AS bound,
    flop / nullif(dram_bytes, 0) AS dram_flop_per_byte,
    per_second(flop, gpu_ns) AS flop_per_s,
    per_second(dram_bytes, gpu_ns) AS dram_bytes_per_s,
    1e11 * roof.profiled_s / nullif(gpu_ns, 0) AS compute_pct,
    1e11 * profiled_dram_s / nullif(gpu_ns, 0) AS dram_pct,
    1e11 * roof.datasheet_s / nullif(gpu_ns, 0) AS datasheet_compute_pct,
    1e11 * datasheet_dram_s / nullif(gpu_ns, 0) AS datasheet_dram_pct,
    roof.flop / roof.profiled_s AS profiled_flop_per_s,
    dram_bytes / nullif(profiled_dram_s, 0) AS profiled_dram_bytes_per_s,
    l2_bytes / nullif(l2_s, 0) AS profiled_l2_bytes_per_s,
    l1_bytes / nullif(l1_s, 0) AS profiled_l1_bytes_per_s,
    roof.datasheet_flop_per_s AS datasheet_flop_per_s,
    datasheet_dram_bytes_per_s,
    CASE WHEN profiled_s + profiled_dram_s IS NOT NULL THEN 'profiled'
         WHEN datasheet_s + datasheet_dram_s IS NOT NULL THEN 'datasheet' END AS bound_by,
    flop_by_precision,
    dram_bytes,
    l2_bytes,
    l1_bytes,
    flop / nullif(l2_bytes, 0) AS l2_flop_per_byte,
    flop / nullif(l1_bytes, 0) AS l1_flop_per_byte,
    per_second(l2_bytes, gpu_ns) AS l2_bytes_per_s,
    per_second(l1_bytes, gpu_ns) AS l1_bytes_per_s,
    1e11 * l2_s / nullif(gpu_ns, 0) AS l2_pct,
    1e11 * l1_s / nullif(gpu_ns, 0) AS l1_pct,
    l2_metric,
    l1_metric,
    lacks
FROM placed
JOIN (SELECT trace_id AS of_trace, trace FROM traces) ON of_trace = key.trace_id
