-- How does the GPU's time split over the modules of the model?
--
-- Reads two kinds of ranges: those of vLLM's layerwise tracing, whose text is a Python dictionary
-- ({'Module': 'LlamaForCausalLM.model.layers.0.mlp', 'Inputs': …}), and any others by their path. vLLM makes
-- a second range per module that holds 'Outputs' only and no work: left out. Layers of the same module count
-- together (layers.0.mlp and layers.1.mlp are layers.*.mlp). gpu_own_ns adds up over all rows.
-- @of     timeline
-- @param  module VARCHAR = '%'    module, or a pattern of it
-- @needs  nvtx_ranges
-- @column trace VARCHAR           name of the trace
-- @column module VARCHAR          module with * for the layer's number, or range path
-- @column layers BIGINT           different layer numbers
-- @column instances BIGINT        how often it ran
-- @column gpu_operations BIGINT   GPU operations inside, modules inside it included
-- @column gpu_busy_ns BIGINT      time in which they ran, summed over instances
-- @column avg_gpu_busy_ns DOUBLE  per instance
-- @column gpu_own_ns BIGINT       GPU time of operations of the module itself, without modules inside it
-- @column own_share_pct DOUBLE    of the GPU time of all operations inside ranges
-- @chart  bars x=module y=gpu_own_ns
-- @section timeline 42 Where the time goes

WITH texts AS (
    SELECT *, starts_with(text, '{''Module'':') AS is_dictionary
    FROM nvtx_ranges
    WHERE style = 'pushpop'
),
named AS (
    SELECT
        trace_id,
        range_id,
        gpu_operations,
        gpu_busy_ns,
        CASE WHEN is_dictionary THEN regexp_extract(text, '''Module'': ''([^'']*)''', 1) ELSE path END
            AS module
    FROM texts
    WHERE NOT (is_dictionary AND contains(text, '''Outputs'':') AND NOT contains(text, '''Inputs'':'))
),
operations AS (
    SELECT range_id, duration_ns FROM kernels WHERE range_id IS NOT NULL
    UNION ALL
    SELECT range_id, duration_ns FROM memory_ops WHERE range_id IS NOT NULL
    UNION ALL
    SELECT range_id, duration_ns FROM graph_launches WHERE range_id IS NOT NULL
),
own AS (
    SELECT range_id, sum(duration_ns) AS own_ns FROM operations GROUP BY range_id
),
summed AS (
    SELECT
        trace,
        regexp_replace(module, '\b(layers|h|blocks)\.[0-9]+', '\1.*', 'g') AS module,
        count(DISTINCT nullif(regexp_extract(module, '\b(?:layers|h|blocks)\.([0-9]+)', 1), '')) AS layers,
        count(*) AS instances,
        sum(gpu_operations)::BIGINT AS gpu_operations,
        coalesce(sum(gpu_busy_ns), 0)::BIGINT AS gpu_busy_ns,
        coalesce(sum(gpu_busy_ns), 0) / count(*) AS avg_gpu_busy_ns,
        coalesce(sum(own_ns), 0)::BIGINT AS gpu_own_ns
    FROM named
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN own USING (range_id)
    GROUP BY ALL
),
shared AS (
    SELECT *, percent(gpu_own_ns, sum(gpu_own_ns) OVER (PARTITION BY trace)) AS own_share_pct
    FROM summed
)
FROM shared
WHERE is_like(module, $module)
ORDER BY trace, gpu_own_ns DESC, module
