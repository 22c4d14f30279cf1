-- What do NCCL's functions move, in which messages and communicators, and how fast?
--
-- Sizes and communicators are what NCCL writes into the binary payload of its NVTX ranges. The rate is the
-- size of the message by the time of the kernel, in which a rank also waits for others: the best one comes
-- nearest to what the links can do.
-- @of     totals
-- @unites trace
-- @needs  kernels nvtx_ranges
-- @column trace VARCHAR          name of the trace
-- @column function VARCHAR       NCCL function; of a group, all of them
-- @column communicator VARCHAR   hash of the communicator, equal on all its ranks: commId in NCCL's own log
-- @column message_bytes BIGINT   size of the message on one rank; NULL where a group launched several kernels
-- @column reduction VARCHAR      Sum, Max …; NULL without one
-- @column ranks BIGINT           processes and devices of the trace that take part
-- @column instances BIGINT       kernels
-- @column total_bytes BIGINT     of all of them
-- @column total_ns BIGINT        time of their kernels
-- @column avg_ns DOUBLE          mean
-- @column min_ns BIGINT          shortest
-- @column max_ns BIGINT          longest
-- @column bytes_per_s DOUBLE     message size by the mean time
-- @column max_bytes_per_s DOUBLE  message size by the shortest time
-- @chart  bars x=function y=total_ns
-- @empty  No kernel's message is known: NCCL describes it with nsys profile --trace=nvtx, and exports hold it
-- @empty  with nsys export --include-blobs=true.

SELECT
    traces.trace,
    function,
    communicator,
    message_bytes,
    reduction,
    count(DISTINCT (trace_id, process_id, device_id)) AS ranks,
    count(*) AS instances,
    sum(message_bytes)::BIGINT AS total_bytes,
    sum(kernels_communicating.duration_ns)::BIGINT AS total_ns,
    avg(kernels_communicating.duration_ns) AS avg_ns,
    min(kernels_communicating.duration_ns) AS min_ns,
    max(kernels_communicating.duration_ns) AS max_ns,
    per_second(message_bytes, avg(kernels_communicating.duration_ns)) AS bytes_per_s,
    per_second(message_bytes, min(kernels_communicating.duration_ns)) AS max_bytes_per_s
FROM kernels_communicating
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE communicator IS NOT NULL
GROUP BY traces.trace, function, communicator, message_bytes, reduction
ORDER BY trace, total_ns DESC, function, communicator, message_bytes, reduction
