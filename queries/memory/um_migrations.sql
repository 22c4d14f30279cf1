-- Why does managed memory move between CPU and GPU, and how much of it?
--
-- A page moves when a CPU or GPU touches it elsewhere (Page fault), together with pages beside it that may be
-- touched next (Speculative prefetch), when the program asks for it (User prefetch: cudaMemPrefetchAsync), to
-- make room (Eviction), or because a GPU keeps reading it over a link (Access counters). What faults move is
-- waited for; what the program asks for need not be.
-- @of     totals
-- @unites trace
-- @needs  memory_ops
-- @column trace VARCHAR            name of the trace
-- @column migration_cause VARCHAR  why; NULL where it was not stored by an older traceql
-- @column copy_kind VARCHAR        Unified Host-to-Device, Unified Device-to-Host or Unified Device-to-Device
-- @column migrations BIGINT        how many
-- @column total_bytes BIGINT       bytes moved
-- @column share_pct DOUBLE         of all bytes that migrate
-- @column avg_bytes DOUBLE         mean
-- @column total_ns BIGINT          time that they take
-- @column bytes_per_s DOUBLE       bytes ÷ time, of those whose end is known
-- @chart  bars x=migration_cause y=total_bytes
-- @empty  No managed memory moved: the program uses none.

SELECT
    traces.trace,
    migration_cause,
    copy_kind,
    count(*) AS migrations,
    sum(bytes)::BIGINT AS total_bytes,
    percent(sum(bytes), sum(sum(bytes)) OVER (PARTITION BY traces.trace)) AS share_pct,
    avg(bytes) AS avg_bytes,
    sum(duration_ns)::BIGINT AS total_ns,
    per_second(sum(bytes) FILTER (duration_ns IS NOT NULL), sum(duration_ns)) AS bytes_per_s
FROM memory_ops
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE starts_with(copy_kind, 'Unified ')
GROUP BY traces.trace, migration_cause, copy_kind
ORDER BY trace, total_bytes DESC, migration_cause NULLS LAST, copy_kind
