-- Where does the work of each NVTX range sit on the roofline?
--
-- A range holds what runs in the ranges inside it, too: rows do not add up.
-- Columns are read as those of kernel-roofline.
-- @of     traces
-- @unites trace
-- @param  path VARCHAR = '*'          path or pattern of the ranges
-- @param  domain VARCHAR = ''         NVTX domain; empty for the default one
-- @param  useful_flop DOUBLE = NULL   FLOP that the work of a row needs in theory
-- @needs  rooflines ncu_ranges
-- @column trace VARCHAR               name of the trace
-- @column path VARCHAR                texts from the outermost range to this one, joined by /
-- @columns rooflines kernels
-- @column useful_flop DOUBLE          as given
-- @column executed_per_useful DOUBLE  flop ÷ useful_flop; over 1, tiles were padded or work was done twice;
--         below 1 not all launches have the shape, or not all of their FLOP were counted (at_least)
-- @note   SELECT too_useful(count(*), list(DISTINCT path)) FROM answer WHERE executed_per_useful < 1
-- @chart  roofline x=dram_flop_per_byte y=flop_per_s size=gpu_ns color=path hollow=at_least name=path
-- @empty  No range of that name holds a profiled kernel: see the query range-launches.
-- @section counters 62 Rooflines | drawn

SELECT
    traces.trace,
    path,
    rooflines.* EXCLUDE (grouping, trace_id, trace, kernel_id, domain, path, name, phase, seq_len, calls),
    $useful_flop::DOUBLE AS useful_flop,
    flop / nullif(useful_flop, 0) AS executed_per_useful
FROM rooflines
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE grouping = 'range' AND domain = $domain AND is_like(path, $path)
ORDER BY trace, path
