-- What did each link do while each kind of collective ran, and what outside: NVLink, PCIe, network cards?
--
-- Collectives are kernels that communicate, by the function of NCCL that launched them or else by name, and
-- MPI's collective calls. Links are those of link-bandwidth: those of a GPU count for kernels on it and for
-- MPI, network cards and switches for kernels on any GPU of the trace. A sample counts as far as the time of
-- which it tells overlaps them; collectives much shorter than the sampling period share it with what is
-- around them, so that many of one kind tell more than one. Outside is where no collective of the trace runs
-- that counts for the link. What MPI starts without waiting for it (MPI_Iallreduce) ends with the call.
-- @of     timeline
-- @unites trace
-- @param  by VARCHAR(function|stream|step|run) = 'function'  what a row is of: function (and communicator),
--         stream, step, or run (each kernel and call)
-- @param  step VARCHAR = NULL    by step: text or pattern of the ranges that are steps; NULL to find them
-- @param  metric VARCHAR = '*'   name or pattern of the link's metric
-- @param  limit BIGINT = 50      rows of each link, those of most time; NULL for all
-- @needs  kernels|library_calls timeline
-- @needs  gpu_samples|counter_samples
-- @column trace VARCHAR          name of the trace
-- @column collective VARCHAR     function of NCCL or MPI; name of the kernel where none was recorded
-- @column communicator VARCHAR   NCCL: its hash; MPI: its handle in the process; NULL if not recorded
-- @column pid BIGINT             process; NULL of kernels by function, which are of all
-- @column device_id INTEGER      CUDA device ordinal; NULL by function and step, and of MPI
-- @column stream_id BIGINT       CUDA stream; NULL where the device is
-- @column step BIGINT            by step: of kernels as in communication-per-step, of MPI as ranges follow
--         each other in the process, the last one that is open; NULL outside of all
-- @column start_ns BIGINT        start of the first one
-- @column device VARCHAR         network card; NULL for links of a GPU
-- @column gpu_id INTEGER         GPU of the link; NULL for network cards
-- @column metric VARCHAR         what of the link is measured
-- @column collectives BIGINT     kernels and calls that count for the link
-- @column busy_ns BIGINT         time in which at least one of them runs
-- @column known_ns BIGINT        of that, what samples tell of
-- @column message_bytes BIGINT   sizes of their messages, summed; NULL where none is recorded
-- @column sized BIGINT           how many of them tell their size
-- @column avg_bytes_per_s DOUBLE  mean while they run; NULL where it or the peak is not known
-- @column max_bytes_per_s DOUBLE  highest sample that tells of some of it
-- @column outside_bytes_per_s DOUBLE  mean outside; NULL where no sample is outside
-- @column peak_bytes_per_s DOUBLE  what the link can do in one direction; NULL where it is not known
-- @column avg_pct DOUBLE         mean while they run in percent of the peak
-- @column max_pct DOUBLE         highest sample in percent of the peak
-- @column outside_pct DOUBLE     mean outside in percent of the peak
-- @chart  bars x=metric y=avg_bytes_per_s group=collective
-- @section timeline 46.6 Links
-- @empty  No collective ran beside samples of a link: nsys profile --gpu-metrics-devices=all, or
-- @empty  --nic-metrics=true, together with --trace=cuda,nvtx,mpi.

WITH kernel_runs AS (
    SELECT
        trace_id,
        coalesce(function, kernel) AS collective,
        communicator,
        process_id,
        coalesce(gpu_id, -1) AS gpu_id,
        device_id,
        stream_id,
        start_ns,
        end_ns,
        message_bytes,
        kernel_id AS event_id
    FROM kernels_communicating
    WHERE end_ns IS NOT NULL
),
calls AS (
    SELECT
        library_calls.trace_id,
        library_calls.name AS collective,
        '0x' || lower(hex(any_value(communicator_handle))) AS communicator,
        process_id,
        start_ns,
        end_ns,
        sum(message_bytes)::BIGINT AS message_bytes,
        library_call_id AS event_id
    FROM library_calls
    LEFT JOIN library_messages USING (library_call_id)
    WHERE library = 'MPI' AND call_class = 'collectives' AND end_ns IS NOT NULL
    GROUP BY ALL
),
-- Steps of a process on the CPU, for its calls: each has those from its start on, while it is open.
named AS (
    SELECT
        trace_id,
        process_id,
        start_ns,
        coalesce(end_ns, 9223372036854775807) AS until_ns,
        row_number() OVER by_start - 1 AS step,
        lead(start_ns) OVER by_start < until_ns
            OR held_until(start_ns, until_ns, range_id, (trace_id, process_id)) > until_ns AS is_amid_others
    FROM steps_of($step)
    WHERE $by = 'step'
    WINDOW by_start AS (PARTITION BY trace_id, process_id ORDER BY start_ns, range_id)
),
-- Of several that are open, the one begun last has them: where one ends, mostly none is.
open_steps AS (
    SELECT trace_id, process_id, at_ns, max(step) AS step
    FROM (
        SELECT trace_id, process_id, start_ns AS at_ns, step FROM named WHERE start_ns < until_ns
        UNION ALL
        SELECT trace_id, process_id, until_ns, NULL FROM named
        UNION ALL
        SELECT ended.trace_id, ended.process_id, ended.until_ns, others.step
        FROM named AS ended
        JOIN named AS others
            ON others.trace_id = ended.trace_id AND others.process_id = ended.process_id
            AND others.start_ns <= ended.until_ns AND others.until_ns > ended.until_ns
        WHERE ended.is_amid_others
    )
    GROUP BY ALL
),
steps AS (
    FROM gpu_steps($step, 'thread')
    WHERE $by = 'step'
),
runs AS (
    SELECT kernel_runs.*, step
    FROM kernel_runs
    ASOF LEFT JOIN steps
        ON steps.trace_id = kernel_runs.trace_id AND steps.owner = kernel_runs.process_id
        AND coalesce(steps.gpu_id, -1) = kernel_runs.gpu_id
        AND kernel_runs.start_ns >= steps.step_start_ns
    UNION ALL BY NAME
    SELECT calls.*, open_steps.step
    FROM calls
    ASOF LEFT JOIN open_steps
        ON open_steps.trace_id = calls.trace_id AND open_steps.process_id = calls.process_id
        AND calls.start_ns >= open_steps.at_ns
),
of_rows AS (
    SELECT
        trace_id,
        collective,
        communicator,
        CASE WHEN $by <> 'function' OR gpu_id IS NULL THEN process_id END AS process_id,
        CASE WHEN $by IN ('stream', 'run') THEN device_id END AS device_id,
        CASE WHEN $by IN ('stream', 'run') THEN stream_id END AS stream_id,
        step,
        CASE $by WHEN 'run' THEN event_id END AS only_id,
        gpu_id,
        start_ns,
        end_ns,
        message_bytes,
        row_number() OVER (ORDER BY trace_id, start_ns, event_id, gpu_id IS NULL) AS run
    FROM runs
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
numbered AS (
    SELECT
        *,
        dense_rank() OVER (
            ORDER BY trace_id, collective, communicator, process_id, device_id, stream_id, step, only_id
        ) AS owner
    FROM of_rows
),
described AS (
    SELECT DISTINCT trace_id, owner, collective, communicator, process_id, device_id, stream_id, step
    FROM numbered
),
-- With the owner 0 of all.
running AS (
    SELECT owner, trace_id, gpu_id, start_ns, end_ns, message_bytes, run FROM numbered
    UNION ALL
    SELECT 0, trace_id, gpu_id, start_ns, end_ns, message_bytes, run FROM numbered
),
meanwhile AS (
    FROM links_meanwhile(running)
),
means AS (
    FROM link_means($metric)
),
rates AS (
    SELECT
        means.* EXCLUDE (samples, known_ns, amount, highest),
        own.* EXCLUDE (link, amount),
        own.amount / nullif(own.known_ns, 0) AS mean,
        (means.amount - coalesce(whole.amount, 0)) / nullif(means.known_ns - whole.known_ns, 0) AS outside,
        -- A share becomes bytes by the peak.
        CASE WHEN is_share THEN peak_bytes_per_s / 100 ELSE 1 END AS factor
    FROM means
    JOIN meanwhile AS own ON own.link = means.link AND own.owner > 0
    JOIN meanwhile AS whole ON whole.link = means.link AND whole.owner = 0
)
SELECT
    trace,
    collective,
    communicator,
    pid,
    device_id,
    stream_id,
    step,
    rates.start_ns,
    device,
    rates.gpu_id,
    metric,
    runs AS collectives,
    busy_ns,
    known_ns,
    rates.message_bytes,
    sized,
    mean * factor AS avg_bytes_per_s,
    highest * factor AS max_bytes_per_s,
    outside * factor AS outside_bytes_per_s,
    peak_bytes_per_s,
    CASE WHEN is_share THEN mean END AS avg_pct,
    CASE WHEN is_share THEN highest END AS max_pct,
    CASE WHEN is_share THEN outside END AS outside_pct
FROM rates
JOIN described USING (trace_id, owner)
JOIN traces USING (trace_id)
LEFT JOIN processes ON processes.trace_id = rates.trace_id AND processes.process_id = described.process_id
QUALIFY within_limit(
    row_number() OVER (PARTITION BY rates.trace_id, link ORDER BY busy_ns DESC, rates.start_ns, owner), $limit
)
ORDER BY trace, device, rates.gpu_id, metric, link, busy_ns DESC, rates.start_ns, owner
