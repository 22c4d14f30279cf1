-- How much is copied and set on the GPU, in which direction and how fast?
--
-- @of     totals
-- @unites trace
-- @needs  memory_ops
-- @column trace VARCHAR         name of the trace
-- @column kind VARCHAR          memcpy or memset
-- @column copy_kind VARCHAR     direction; NULL for memset
-- @column instances BIGINT      how many
-- @column total_bytes BIGINT    bytes moved or set
-- @column avg_bytes DOUBLE      mean size
-- @column max_bytes BIGINT      largest
-- @column total_ns BIGINT       time on the GPU
-- @column avg_ns DOUBLE         mean time
-- @column median_ns DOUBLE      median
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @column bytes_per_s DOUBLE    total bytes ÷ total time, of those whose time is known
-- @chart  bars x=copy_kind y=total_bytes
-- @section timeline 44 Where the time goes

SELECT
    trace,
    memory_ops.kind,
    copy_kind,
    count(*) AS instances,
    sum(bytes)::BIGINT AS total_bytes,
    avg(bytes) AS avg_bytes,
    max(bytes) AS max_bytes,
    sum(memory_ops.duration_ns)::BIGINT AS total_ns,
    avg(memory_ops.duration_ns) AS avg_ns,
    median(memory_ops.duration_ns) AS median_ns,
    quantile_cont(memory_ops.duration_ns, 0.9) AS p90_ns,
    quantile_cont(memory_ops.duration_ns, 0.99) AS p99_ns,
    per_second(sum(bytes) FILTER (memory_ops.duration_ns IS NOT NULL), sum(memory_ops.duration_ns))
        AS bytes_per_s
FROM memory_ops
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, memory_ops.kind, copy_kind
ORDER BY trace, total_ns DESC, kind, copy_kind
