-- Where does each kind of layer sit on the roofline, by phase and prompt length?
--
-- Kind, phase and prompt length are the tags layer_kind, phase and seq_len of the trace (traceql ingest
-- --tag), or words such as seq_len=512 in the texts of NVTX ranges; else the kind is the range inside one
-- called layer, and the phase that of vLLM's steps (execute_context_…). Where nothing tells the kind, the
-- modules of numbered layers are kinds, as in layer-breakdown: layers.0.mlp and layers.1.mlp are
-- layers.*.mlp. A kernel counts in each module around it. In recordings of the collector vllm_layer_roofline,
-- phase=prefill of a prompt longer than a chunk is its last chunk alone, which sees the whole context.
-- Columns are read as those of kernel-roofline.
--
-- The useful FLOP of a row are the trace's tag useful_flop, or those of one layer and step that runs with the
-- metric useful_flop and the tags layer_kind, phase and seq_len say (traceql predict layers makes them of a
-- model's configuration; traceql import-runs), times the calls. Runs with a tag model are those of traces of
-- the same one (import-runs --tag model=NAME). Where runs differ, they are not known.
-- Without --calls those are as many as the row's kernels are apart: other kernels or layer numbers come
-- between them. Give it where calls of one kind follow each other, or the kind is a tag of a whole trace.
-- @of     traces
-- @param  layer_kind VARCHAR = '*'    kind of layer, or a pattern of it
-- @param  phase VARCHAR = NULL        only this phase
-- @param  calls BIGINT = NULL         how often a layer ran in what a row holds, if not as its kernels tell:
--         layers × steps
-- @needs  rooflines
-- @column trace VARCHAR               name of the trace
-- @column layer_kind VARCHAR          for example attention, mlp or layers.*.mlp
-- @column phase VARCHAR               prefill, decode or mixed, or as tagged; NULL if nothing tells
-- @column seq_len BIGINT              prompt length in tokens; NULL if nothing tells
-- @column calls BIGINT                how often the layer ran in it: --calls, or as its kernels tell
-- @columns rooflines kernels
-- @column useful_flop DOUBLE          what the work of a row needs in theory
-- @column executed_per_useful DOUBLE  flop ÷ useful_flop; over 1, tiles were padded or work was done twice;
--         below 1 not all launches have the shape, or not all of their FLOP were counted (at_least)
-- @note   SELECT too_useful(count(*), list(DISTINCT layer_kind)) FROM answer WHERE executed_per_useful < 1
-- @chart  roofline x=dram_flop_per_byte y=flop_per_s size=gpu_ns color=layer_kind shape=phase trail=seq_len
--         hollow=at_least useful=executed_per_useful
-- @empty  No kernel belongs to a layer: tag the trace (--tag layer_kind=mlp --tag phase=decode --tag
-- @empty  seq_len=512), or put NVTX ranges layer/KIND or layers.N around the layers.
-- @section counters 61 Rooflines | drawn

WITH useful AS (
    SELECT
        traces.trace_id,
        runs.tags['layer_kind'] AS kind,
        runs.tags['phase'] AS phase,
        try_cast(runs.tags['seq_len'] AS BIGINT) AS seq_len,
        CASE WHEN min(value) = max(value) THEN min(value) END AS flop
    FROM run_metrics
    JOIN runs USING (run_id)
    JOIN traces ON coalesce(runs.tags['model'] = traces.tags['model'], true)
    WHERE metric = 'useful_flop'
    GROUP BY ALL
)
SELECT
    traces.trace,
    rooflines.name AS layer_kind,
    rooflines.phase,
    rooflines.seq_len,
    coalesce($calls, rooflines.calls) AS calls,
    rooflines.* EXCLUDE (grouping, trace_id, trace, kernel_id, domain, path, name, phase, seq_len, calls),
    coalesce(
        try_cast(tags['useful_flop'] AS DOUBLE), coalesce($calls, rooflines.calls) * useful.flop
    ) AS useful_flop,
    rooflines.flop / nullif(useful_flop, 0) AS executed_per_useful
FROM rooflines
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN useful
    ON useful.trace_id = rooflines.trace_id
    AND useful.kind = rooflines.name
    AND useful.phase IS NOT DISTINCT FROM rooflines.phase
    AND useful.seq_len IS NOT DISTINCT FROM rooflines.seq_len
WHERE grouping = 'layer'
    AND is_like(rooflines.name, $layer_kind) AND is_asked_for(rooflines.phase, $phase)
ORDER BY layer_kind, rooflines.phase, rooflines.seq_len, trace
