-- Ranges whose GPU work is unknown by thread: others launched meanwhile what may be theirs.
--
-- A range is told by its own thread where that launched work at the time: the range holds it, or none of
-- it (0), as where the only launch outlasts the range. Where its thread launched nothing while others of
-- the process did, the work may be theirs, as in PyTorch's backward pass. A range that another thread
-- ended belongs to no thread.
--
-- Over two tables of whoever reads it: `idle` (range_id, trace_id, process_id, tid, end_tid, start_ns,
-- until_ns), the ranges that hold no work; and `launching` (trace_id, process_id, tid, start_ns, end_ns),
-- the calls that launched any. Column: range_id.

WITH launches AS MATERIALIZED (
    SELECT
        *,
        max(coalesce(end_ns, start_ns)) OVER (
            PARTITION BY trace_id, process_id, tid ORDER BY start_ns
        ) AS launching_until_ns
    FROM launching
),
shared AS (
    SELECT trace_id, process_id, min(tid) AS first_tid, max(tid) AS last_tid FROM launches GROUP BY ALL
),
-- What one thread alone launches is never elsewhere.
meanwhile AS (
    SELECT idle.*, coalesce(end_tid <> idle.tid, false) AS is_handed_over
    FROM idle
    JOIN shared ON shared.trace_id = idle.trace_id AND shared.process_id = idle.process_id
    ASOF JOIN launches
        ON launches.trace_id = idle.trace_id AND launches.process_id = idle.process_id
        AND launches.start_ns >= idle.start_ns
    WHERE launches.start_ns < until_ns AND (is_handed_over OR first_tid <> idle.tid OR last_tid <> idle.tid)
)
SELECT range_id
FROM meanwhile
ASOF LEFT JOIN launches AS own
    ON own.trace_id = meanwhile.trace_id AND own.process_id = meanwhile.process_id
    AND own.tid = meanwhile.tid AND own.start_ns < until_ns
WHERE is_handed_over OR coalesce(launching_until_ns <= meanwhile.start_ns, true)
