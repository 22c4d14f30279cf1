-- What does each trace hold?
--
-- @of     traces
-- @unites trace
-- @column trace VARCHAR          name of the trace
-- @column profiler VARCHAR       nsys or ncu
-- @column tool_version VARCHAR   version of the profiler; NULL for exports, which do not tell
-- @column gpu VARCHAR            GPUs used
-- @column captured_at TIMESTAMP  start of the recording, UTC
-- @column duration_ns BIGINT     length of the recording; NULL for ncu
-- @column kernels BIGINT         kernel executions, or profiled workloads
-- @column kernel_ns BIGINT       their GPU time
-- @column api_calls BIGINT       CUDA API calls
-- @column nvtx_ranges BIGINT     NVTX ranges and marks
-- @column memory_ops BIGINT      copies and memsets
-- @column graph_launches BIGINT  CUDA graphs traced as a whole: their kernels are in no other count
-- @column metrics BIGINT         ncu metric values
-- @column complete BOOLEAN       false when the profiler says that events may be missing; NULL if unknown
-- @column tags VARCHAR           labels, as JSON

SELECT
    trace,
    profiler,
    tool_version,
    gpu,
    captured_at,
    trace_duration_ns AS duration_ns,
    (SELECT count(*) FROM kernels WHERE kernels.trace_id = traces.trace_id) AS kernels,
    (SELECT sum(duration_ns)::BIGINT FROM kernels WHERE kernels.trace_id = traces.trace_id) AS kernel_ns,
    (SELECT count(*) FROM api_calls WHERE api_calls.trace_id = traces.trace_id) AS api_calls,
    (SELECT count(*) FROM nvtx_ranges WHERE nvtx_ranges.trace_id = traces.trace_id) AS nvtx_ranges,
    (SELECT count(*) FROM memory_ops WHERE memory_ops.trace_id = traces.trace_id) AS memory_ops,
    (SELECT count(*) FROM graph_launches WHERE graph_launches.trace_id = traces.trace_id) AS graph_launches,
    (SELECT count(*) FROM metrics WHERE metrics.trace_id = traces.trace_id) AS metrics,
    complete,
    to_json(tags)::VARCHAR AS tags
FROM chosen_traces($trace) AS traces
ORDER BY trace
