-- How does the GPU's time split over the modules of the model?
--
-- Reads two kinds of ranges: those of vLLM's layerwise tracing, whose text is a Python dictionary ({'Module':
-- 'LlamaForCausalLM.model.layers.0.mlp', 'Inputs': …}), and any others by their path. vLLM makes a second
-- range per module that holds 'Outputs' only and no work: left out. What differs in numbers alone counts
-- together, unless --exact: layers of the same module (layers.0.mlp and layers.1.mlp are layers.*.mlp), and
-- texts with ids, arguments or shapes. gpu_own_ns adds up over all rows. By --by process, work launched
-- outside the ranges of its own thread is that of the range of the process that began last, as in PyTorch's
-- backward pass.
-- @of     totals
-- @unites trace
-- @param  module VARCHAR = '%'    module, or a pattern of it
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  exact BOOLEAN = false   keep the numbers in texts apart
-- @needs  nvtx_ranges
-- @column trace VARCHAR           name of the trace
-- @column module VARCHAR          module or range path, with * for numbers
-- @column layers BIGINT           different layer numbers
-- @column instances BIGINT        how often it ran
-- @column gpu_operations BIGINT   GPU operations inside, modules inside it included;
--                                 NULL if others launched them
-- @column gpu_busy_ns BIGINT      time in which they ran, summed over instances
-- @column avg_gpu_busy_ns DOUBLE  per instance
-- @column gpu_own_ns BIGINT       GPU time of operations of the module itself, without modules inside it
-- @column own_share_pct DOUBLE    of the GPU time of all operations inside ranges
-- @chart  bars x=module y=gpu_own_ns
-- @section timeline 42 Where the time goes

-- Each place is looked at once: there are few of them, and many ranges.
WITH places AS MATERIALIZED (
    SELECT
        text,
        path,
        module_of(text, path) AS name,
        CASE WHEN $exact THEN name ELSE text_pattern(name) END AS module,
        layer_number(name) AS layer
    FROM (SELECT DISTINCT text, path FROM nvtx_ranges WHERE style = 'pushpop')
),
named AS (
    SELECT
        range_id,
        trace_id,
        start_ns,
        gpu_operations,
        CASE WHEN gpu_operations = 0 THEN 0 ELSE gpu_busy_ns END AS gpu_busy_ns,
        module,
        layer
    FROM ranges_with_work('nvtx_ranges', $by) AS ranges
    JOIN places
        ON ranges.text IS NOT DISTINCT FROM places.text AND ranges.path IS NOT DISTINCT FROM places.path
    WHERE style = 'pushpop' AND name IS NOT NULL
),
launched AS (
    SELECT 'kernel' AS kind, kernel_id AS id, api_call_id, range_id, duration_ns FROM kernels
    UNION ALL
    SELECT 'memory', memory_op_id, api_call_id, range_id, duration_ns FROM memory_ops
    UNION ALL
    SELECT 'graph', graph_launch_id, api_call_id, range_id, duration_ns FROM graph_launches
),
elsewhere AS (
    FROM launched WHERE range_id IS NULL AND is_by_process($by)
),
own AS (
    SELECT range_id, duration_ns FROM launched WHERE range_id IS NOT NULL
    UNION ALL
    SELECT arg_max(holder_id, (start_ns, holder_id)), any_value(elsewhere.duration_ns)
    FROM work_in_ranges('named', 'elsewhere', 'process') AS elsewhere
    JOIN named ON named.range_id = holder_id
    GROUP BY elsewhere.kind, id
),
owned AS (
    SELECT range_id, sum(duration_ns) AS own_ns FROM own GROUP BY range_id
),
summed AS (
    SELECT
        trace,
        module,
        count(DISTINCT layer) AS layers,
        count(*) AS instances,
        sum(gpu_operations)::BIGINT AS gpu_operations,
        sum(gpu_busy_ns)::BIGINT AS gpu_busy_ns,
        avg(gpu_busy_ns) AS avg_gpu_busy_ns,
        coalesce(sum(own_ns), CASE WHEN count(gpu_operations) = count(*) THEN 0 END)::BIGINT AS gpu_own_ns
    FROM named
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN owned USING (range_id)
    GROUP BY trace, module
),
shared AS (
    SELECT *, percent(gpu_own_ns, sum(gpu_own_ns) OVER (PARTITION BY trace)) AS own_share_pct
    FROM summed
)
FROM shared
WHERE is_like(module, $module)
ORDER BY trace, gpu_own_ns DESC NULLS LAST, module
