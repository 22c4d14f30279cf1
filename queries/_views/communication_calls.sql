-- One call of NCCL on the CPU, with what its NVTX payload says.
--
-- NCCL describes its calls in binary payloads of its ranges; nsys records them, and exports them with
-- --include-blobs=true. Grouped calls launch their kernels at the end of the outermost group.
-- @needs  nvtx_ranges
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column range_id BIGINT        the call, see nvtx_ranges
-- @column function VARCHAR       NCCL function
-- @column process_id BIGINT      process, see processes
-- @column pid BIGINT             process
-- @column tid BIGINT             thread
-- @column start_ns BIGINT        start on the CPU
-- @column group_number BIGINT    of its thread, from 0; NULL for calls outside of groups
-- @column ends_group BOOLEAN     whether it is the ncclGroupEnd of the outermost group
-- @column communicator VARCHAR   hash of the communicator, equal on all its ranks: commId in NCCL's own log
-- @column message_bytes BIGINT   size of the message
-- @column reduction VARCHAR      Sum, Product, Max, Min, Avg or a number of the application's
-- @column root BIGINT            rank that sends or receives for all
-- @column peer BIGINT            rank at the other end, of ncclSend and ncclRecv
-- @column ranks BIGINT           in the communicator, told by calls that make or end one
-- @column rank BIGINT            this process's number there, told by the same calls

WITH calls AS (
    SELECT
        *,
        CASE text WHEN 'ncclGroupStart' THEN 1 WHEN 'ncclGroupEnd' THEN -1 ELSE 0 END AS step,
        CASE WHEN json_valid(payload) THEN payload END AS told
    FROM nvtx_ranges
    WHERE starts_with(text, 'nccl') AND style = 'pushpop'
),
stepped AS (
    SELECT
        *,
        sum(step) OVER so_far AS steps
    FROM calls
    WINDOW so_far AS (PARTITION BY trace_id, process_id, tid ORDER BY start_ns, range_id)
),
nested AS (
    SELECT
        *,
        -- A group that began before the recording is none: what follows begins at the ground again.
        steps - least(min(steps) OVER so_far, 0) AS open_groups
    FROM stepped
    WINDOW so_far AS (PARTITION BY trace_id, process_id, tid ORDER BY start_ns, range_id)
),
grouped AS (
    SELECT
        *,
        text = 'ncclGroupEnd' AND open_groups = 0 AS ends_group,
        count_if(text = 'ncclGroupEnd' AND open_groups = 0) OVER so_far
            - (text = 'ncclGroupEnd' AND open_groups = 0)::BIGINT AS groups_before
    FROM nested
    WINDOW so_far AS (PARTITION BY trace_id, process_id, tid ORDER BY start_ns, range_id)
)
SELECT
    trace_id,
    trace,
    range_id,
    text AS function,
    process_id,
    pid,
    tid,
    start_ns,
    CASE WHEN ends_group OR open_groups > 0 THEN groups_before END::BIGINT AS group_number,
    ends_group,
    '0x' || lower(hex(try_cast(told ->> '$."NCCL communicator ID"' AS UBIGINT))) AS communicator,
    try_cast(told ->> '$."Message size [bytes]"' AS BIGINT) AS message_bytes,
    told ->> '$."Reduction operation"' AS reduction,
    try_cast(told ->> '$.Root' AS BIGINT) AS root,
    try_cast(told ->> '$."Peer rank"' AS BIGINT) AS peer,
    try_cast(told ->> '$."No. of ranks"' AS BIGINT) AS ranks,
    try_cast(told ->> '$.Rank' AS BIGINT) AS rank
FROM grouped
JOIN traces USING (trace_id)
