-- Ranges whose work others may have launched: unknown, not 0. See rules/launched_elsewhere.sql.
-- @when  idle_ranges

CREATE TEMP TABLE launched_elsewhere AS
WITH idle AS (
    FROM idle_ranges
),
launching AS (
    SELECT trace_id, process_id, tid, start_ns, end_ns
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id IN (SELECT process_id FROM idle)
        AND api_call_id IN (SELECT api_call_id FROM gpu_operations)
)
FROM rule_launched_elsewhere
