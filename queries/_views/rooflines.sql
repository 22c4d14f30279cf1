-- Where work sits under the roofs: one kernel, launch, NVTX range or layer of a trace (ncu).
--
-- Sums over all launches of the row that tell, rates and intensities over those that tell both parts. Where a
-- precision was not counted, or a launch lacks FLOP, DRAM bytes or its time, the row is marked at_least:
-- there was at least so much, and lacks says by name what is missing. Peaks are kept apart: profiled_ are
-- those at the clocks of the run, from the report; datasheet_ what NVIDIA publishes, or where it is no
-- product that traceql knows, what the report says of the GPU (see gpu_roofs). Of a launch that may use only
-- some of the SMs, as in a green context, both compute roofs are those of its SMs (see partial_launches).
--
-- compute_pct is of the roof of one precision, the one whose FLOP would take longest at peak. bound compares
-- that time with the one that DRAM traffic takes at peak (profiled peaks, or datasheet ones where a profiled
-- one is missing): the same as arithmetic intensity against ridge point. A lower bound decides it where more
-- could not change it: FLOP that take longer than all traffic, traffic that takes longer than all FLOP. L2
-- and L1 have roofs where NVIDIA's roofline metrics were recorded (see kernel_work).
--
-- Prefill and decode are rows of their own where something tells the phase. Ranges hold what runs in the
-- ranges inside them, too. A layer's kind, phase and prompt length are the tags layer_kind, phase and seq_len
-- of the trace, or words such as seq_len=512 in the texts of the NVTX ranges around it, or else the range
-- inside one called layer, and for the phase a range called prefill or decode, or vLLM's steps
-- (execute_context_…). Where nothing tells the kind, the modules of numbered layers are kinds (layers.*.mlp),
-- as in layer_breakdown: a kernel counts in each one around it. A call of a layer ends where a kernel of none
-- or another one follows, or the module changes; reports do not tell apart calls that follow each other.
-- @needs  metrics
-- @metrics smsp__sass_thread_inst_executed_op_ffma_pred_on.sum|
--         smsp__sass_thread_inst_executed_op_ffma_pred_on.sum.per_cycle_elapsed|
--         sm__sass_thread_inst_executed_op_ffma_pred_on.sum
-- @metrics sm__ops_path_tensor_src_bf16_dst_fp32.sum|
--         sm__ops_path_tensor_src_fp16_dst_fp32.sum|
--         smsp__inst_executed_pipe_tensor.sum.per_cycle_elapsed|
--         sm__inst_executed_pipe_tensor.sum|
--         sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed
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
-- @column phase VARCHAR                   prefill, decode, mixed …; NULL for ranges, and if nothing tells it
-- @column seq_len BIGINT                  of a layer: prompt length
-- @column calls BIGINT                    of a layer: how often it ran, as far as its kernels are apart
-- @column kernels BIGINT                  profiled workloads
-- @column gpu_ns BIGINT                   GPU time of all of them
-- @column flop DOUBLE                     executed, in all precisions that were counted
-- @column at_least BOOLEAN                whether flop, dram_bytes or gpu_ns are a part only: see lacks
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
-- @column datasheet_flop_per_s DOUBLE     compute roof of the precision, as published; where launches differ
--         in it, all their FLOP by the time that these take at the roof of each
-- @column datasheet_dram_bytes_per_s DOUBLE  DRAM roof, as published; of several GPUs likewise, by bytes
-- @column datasheet_source VARCHAR        of the datasheet_ figures: datasheet, or derived from the report
-- @column bound_by VARCHAR                the peaks that decide it: profiled, datasheet or derived
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
-- @column lacks VARCHAR                   what the report lacks (--option of ncu that records it), and of how
--         many of the kernels, if not of all

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
            nullif(lower(regexp_extract(path, '(?i)(?:^|/)(prefill|decode)(?:$|[/\W_])', 1)), ''),
            CASE WHEN regexp_matches(path, 'execute_context_0\([0-9]+\)_generation_[1-9]') THEN 'decode'
                 WHEN regexp_matches(path, 'execute_context_[1-9][0-9]*\([0-9]+\)_generation_0')
                 THEN 'prefill'
                 WHEN regexp_matches(path, 'execute_context_[1-9][0-9]*\([0-9]+\)_generation_[1-9]')
                 THEN 'mixed' END
        ) AS phase,
        try_cast(
            coalesce(tags['seq_len'], nullif(regexp_extract(path, '\bseq_len=([0-9]+)', 1), '')) AS BIGINT
        ) AS seq_len,
        row_number() OVER (PARTITION BY kernels.trace_id ORDER BY kernel_id) AS place
    FROM kernels
    JOIN traces USING (trace_id)
    LEFT JOIN kernel_names
        ON kernel_names.name = kernels.name AND full_name = coalesce(demangled, kernels.name)
    LEFT JOIN (
        SELECT kernel_id, arg_max(path, (depth, path)) AS path FROM ranges WHERE domain = '' GROUP BY ALL
    ) AS paths USING (kernel_id)
    WHERE has_counters
),
layers AS (
    SELECT trace_id, kernel_id, place, kind, phase, seq_len, kind AS module
    FROM launches
    WHERE kind IS NOT NULL
    UNION ALL
    SELECT trace_id, kernel_id, place, text_pattern(module) AS kind, phase, seq_len, min(module)
    FROM launches
    JOIN (SELECT kernel_id, module_of(text, path) AS module FROM ranges) USING (kernel_id)
    WHERE kind IS NULL AND layer_number(module) IS NOT NULL
    GROUP BY ALL
),
called AS (
    SELECT
        *,
        coalesce(place <> lag(place) OVER of_kind + 1 OR module <> lag(module) OVER of_kind, true) AS begins
    FROM layers
    WINDOW of_kind AS (PARTITION BY trace_id, kind, phase, seq_len ORDER BY place)
),
members AS (
    SELECT
        kernel_id,
        unnest(
            [
                {'grouping': 'launch', 'launch': kernel_id, 'path': path, 'name': name},
                {'grouping': 'kernel', 'launch': NULL, 'path': NULL, 'name': name},
                {'grouping': 'kernel_short', 'launch': NULL, 'path': NULL, 'name': short_name},
                {'grouping': 'kernel_full', 'launch': NULL, 'path': NULL, 'name': full_name}
            ],
            recursive := true
        ),
        trace_id,
        NULL::VARCHAR AS domain,
        phase,
        NULL::BIGINT AS seq_len
    FROM launches
    UNION ALL BY NAME
    SELECT DISTINCT 'range' AS grouping, kernel_id, trace_id, domain, path
    FROM ranges
    UNION ALL BY NAME
    SELECT 'layer' AS grouping, kernel_id, trace_id, kind AS name, phase, seq_len, begins
    FROM called
),
profiled AS (
    SELECT
        grouping,
        {'trace_id': members.trace_id, 'launch': launch, 'domain': domain, 'path': path, 'name': name,
         'phase': phase, 'seq_len': seq_len} AS key,
        begins,
        kernel_work.* EXCLUDE (trace_id, kernel_id, kernel),
        dram_bytes / dram_peak_bytes_per_s AS profiled_dram_s,
        dram_bytes / dram_bytes_per_s AS datasheet_dram_s,
        peaks,
        sm_share,
        dram_bytes_per_s AS datasheet_dram_bytes_per_s,
        source AS datasheet_source
    FROM members
    JOIN kernel_work USING (kernel_id)
    LEFT JOIN (
        SELECT
            kernel_id, peak_flop_per_s AS peaks, coalesce(sm_share, 1) AS sm_share, dram_bytes_per_s, source
        FROM kernels
        JOIN gpu_roofs USING (trace_id, gpu_id)
        LEFT JOIN (SELECT kernel_id, sm_share FROM partial_launches) AS partial USING (kernel_id)
    ) AS published USING (kernel_id)
),
-- Sums are over the launches that tell, ratios over those that tell both. The seconds are those that the work
-- or the traffic would take at peak.
summed AS (
    SELECT
        grouping,
        key,
        sum(begins::BIGINT)::BIGINT AS calls,
        count(*) AS kernels,
        sum(duration_ns)::BIGINT AS gpu_ns,
        CASE WHEN bool_or(flop_at_least) THEN nullif(sum(flop), 0) ELSE sum(flop) END AS flop,
        bool_or(flop_at_least) AS flop_at_least,
        count(*) = count(dram_bytes) AS is_all_traffic,
        bool_or(flop_at_least OR dram_bytes IS NULL OR duration_ns IS NULL) AS at_least,
        sum_ratio(1e9 * flop, duration_ns) AS flop_per_s,
        sum(duration_ns) FILTER (flop IS NOT NULL) AS flop_ns,
        sum_ratio(1e11 * datasheet_dram_s, duration_ns) AS datasheet_dram_pct,
        CASE WHEN min(datasheet_dram_bytes_per_s) = max(datasheet_dram_bytes_per_s)
             THEN min(datasheet_dram_bytes_per_s)
             ELSE sum_ratio(dram_bytes, datasheet_dram_s) END AS datasheet_dram_bytes_per_s,
        string_agg(DISTINCT datasheet_source, ', ' ORDER BY datasheet_source) AS datasheet_source,
        CASE WHEN count(dram_bytes) = count(profiled_dram_s) THEN sum(profiled_dram_s) END
            AS profiled_dram_s,
        CASE WHEN count(dram_bytes) = count(datasheet_dram_s) THEN sum(datasheet_dram_s) END
            AS datasheet_dram_s,
        sums_of_level('dram', dram_bytes, dram_peak_bytes_per_s, flop, duration_ns) AS dram,
        sums_of_level(l2_metric, l2_bytes, l2_peak_bytes_per_s, flop, duration_ns) AS l2,
        sums_of_level(l1_metric, l1_bytes, l1_peak_bytes_per_s, flop, duration_ns) AS l1,
        string_agg(DISTINCT l2_metric, ', ' ORDER BY l2_metric) AS l2_metric,
        string_agg(DISTINCT l1_metric, ', ' ORDER BY l1_metric) AS l1_metric,
        flatten(list(lacks)) AS lacks
    FROM profiled
    GROUP BY grouping, key
),
-- Most GPUs have one figure for both units, and for both widths of accumulation.
by_precision AS (
    SELECT
        * EXCLUDE (peaks, sm_share),
        sm_share * coalesce(
            peaks[precision], peaks[regexp_replace(precision, '_tensor$|_fp16_accumulate$', '')]
        ) AS published
    FROM (SELECT grouping, key, duration_ns, peaks, sm_share, unnest(done, max_depth := 2) FROM profiled)
),
precisions AS (
    SELECT
        grouping,
        key,
        precision,
        sum(flop) AS flop,
        CASE WHEN count(*) = count(peak_flop_per_s) THEN sum(flop / peak_flop_per_s) END AS profiled_s,
        CASE WHEN count(*) = count(published) THEN sum(flop / published) END AS datasheet_s,
        sum(flop / peak_flop_per_s) FILTER (duration_ns IS NOT NULL) AS timed_profiled_s,
        sum(flop / published) FILTER (duration_ns IS NOT NULL) AS timed_datasheet_s,
        coalesce(sum(duration_ns) FILTER (peak_flop_per_s IS NULL), 0) AS without_profiled_ns,
        coalesce(sum(duration_ns) FILTER (published IS NULL), 0) AS without_datasheet_ns,
        CASE WHEN min(published) = max(published) THEN min(published)
             ELSE sum_ratio(flop, flop / published) END AS datasheet_flop_per_s
    FROM by_precision
    GROUP BY grouping, key, precision
),
roofs AS (
    SELECT
        grouping,
        key,
        map_from_entries(list((precision, flop) ORDER BY precision)) AS flop_by_precision,
        CASE WHEN bool_and(coalesce(profiled_s, datasheet_s) IS NOT NULL)
             THEN max_by(precisions, (coalesce(profiled_s, datasheet_s), precision))
             ELSE max_by(precisions, (flop, precision)) END AS roof,
        max(profiled_s) AS profiled_s,
        max(datasheet_s) AS datasheet_s,
        count(*) = count(profiled_s) AS is_all_profiled,
        count(*) = count(datasheet_s) AS is_all_datasheet
    FROM precisions
    GROUP BY grouping, key
),
-- Work that did no FLOP takes no time.
placed AS (
    SELECT
        summed.*,
        flop_by_precision,
        roof,
        bound_of(
            if(flop = 0, 0, roofs.profiled_s), NOT flop_at_least AND coalesce(is_all_profiled, true),
            profiled_dram_s, is_all_traffic
        ) AS profiled_bound,
        bound_of(
            if(flop = 0, 0, roofs.datasheet_s), NOT flop_at_least AND coalesce(is_all_datasheet, true),
            datasheet_dram_s, is_all_traffic
        ) AS datasheet_bound
    FROM summed
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
    calls,
    kernels,
    gpu_ns,
    flop,
    at_least,
    roof.precision AS precision,
    coalesce(profiled_bound, datasheet_bound) AS bound,
    if(flop IS NULL, NULL, dram.flop_per_byte) AS dram_flop_per_byte,
    if(flop IS NULL, NULL, flop_per_s) AS flop_per_s,
    dram.bytes_per_s AS dram_bytes_per_s,
    1e11 * roof.timed_profiled_s / nullif(flop_ns - roof.without_profiled_ns, 0) AS compute_pct,
    dram.pct AS dram_pct,
    1e11 * roof.timed_datasheet_s / nullif(flop_ns - roof.without_datasheet_ns, 0) AS datasheet_compute_pct,
    if(dram IS NULL, NULL, datasheet_dram_pct) AS datasheet_dram_pct,
    roof.flop / roof.profiled_s AS profiled_flop_per_s,
    dram.peak AS profiled_dram_bytes_per_s,
    l2.peak AS profiled_l2_bytes_per_s,
    l1.peak AS profiled_l1_bytes_per_s,
    roof.datasheet_flop_per_s AS datasheet_flop_per_s,
    datasheet_dram_bytes_per_s,
    datasheet_source,
    CASE WHEN profiled_bound IS NOT NULL THEN 'profiled'
         WHEN datasheet_bound IS NOT NULL THEN datasheet_source END AS bound_by,
    flop_by_precision,
    dram.bytes AS dram_bytes,
    l2.bytes AS l2_bytes,
    l1.bytes AS l1_bytes,
    if(flop IS NULL, NULL, l2.flop_per_byte) AS l2_flop_per_byte,
    if(flop IS NULL, NULL, l1.flop_per_byte) AS l1_flop_per_byte,
    l2.bytes_per_s AS l2_bytes_per_s,
    l1.bytes_per_s AS l1_bytes_per_s,
    l2.pct AS l2_pct,
    l1.pct AS l1_pct,
    l2_metric,
    l1_metric,
    nullif(array_to_string(
        list_transform(
            list_sort(list_distinct(lacks)),
            lambda what: what || CASE len(list_filter(lacks, lambda one: one = what))
                WHEN kernels THEN '' ELSE ' of ' || len(list_filter(lacks, lambda one: one = what)) || ' of '
                || kernels || ' kernels' END
        ),
        '; '
    ), '') AS lacks
FROM placed
JOIN (SELECT trace_id AS of_trace, trace FROM traces) ON of_trace = key.trace_id
