-- How busy are the links of each machine, and how busy while collectives run: NVLink, PCIe, network cards?
--
-- Of NVLink and PCIe the GPU's metrics tell a share of what the link can do in one direction, which with its
-- peak makes bytes; network cards count bytes. A sample tells of the time since the one before, and counts
-- for collectives as far as that overlaps kernels that communicate: on the sampled GPU, of network cards on
-- any GPU of the trace. Collectives much shorter than the sampling period share it with what is around them.
-- @of     timeline
-- @unites trace
-- @param  metric VARCHAR = '*'   name or pattern of the metric
-- @needs  gpu_samples|counter_samples
-- @column trace VARCHAR          name of the trace
-- @column device VARCHAR         network card; NULL for links of a GPU
-- @column gpu_id INTEGER         GPU of the machine; NULL for network cards
-- @column metric VARCHAR         what is measured
-- @column samples BIGINT         how many
-- @column avg_bytes_per_s DOUBLE  mean over all time that samples tell of; NULL where the peak is not known
-- @column max_bytes_per_s DOUBLE  highest sample
-- @column collective_ns BIGINT   time of collectives that samples tell of
-- @column collective_bytes_per_s DOUBLE  mean over that time; NULL without any
-- @column peak_bytes_per_s DOUBLE  what the link can do in one direction; NULL where it is not known
-- @column avg_pct DOUBLE         mean in percent of the peak
-- @column collective_pct DOUBLE  the same while collectives run
-- @chart  bars x=metric y=collective_pct group=gpu_id
-- @section timeline 46.5 Links
-- @empty  No link was sampled: nsys profile --gpu-metrics-devices=all, or --nic-metrics=true.

WITH peaks AS (
    SELECT trace_id, gpu_id, nvlink_bytes_per_s, pcie_bytes_per_s
    FROM gpu_products
    JOIN gpu_specs USING (gpu)
),
links AS (
    SELECT
        trace_id,
        device,
        gpu_id,
        metric,
        unit,
        CASE WHEN source = 'gpu' AND contains(metric, 'NVLink') THEN nvlink_bytes_per_s
             WHEN source = 'gpu' THEN pcie_bytes_per_s END AS peak_bytes_per_s,
        source = 'gpu' AS is_share,
        time_ns AS to_ns,
        lag(time_ns) OVER (
            PARTITION BY trace_id, source, device, gpu_id, metric, unit ORDER BY time_ns
        ) AS from_ns,
        CASE WHEN unit = 'bytes/ms' THEN 1e3 * value ELSE value END AS value
    FROM sampled_counters
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN peaks USING (trace_id, gpu_id)
    WHERE is_like(metric, $metric) AND value IS NOT NULL
        AND (
            (source = 'gpu' AND unit = 'Throughput %' AND regexp_matches(metric, '^(NVLink|PCIe) '))
            OR (source IN ('nic', 'ib_switch') AND unit IN ('bytes/ms', 'bytes/s', 'B/s'))
        )
),
-- Time with at least one kernel that communicates, of each GPU and of the whole trace.
communicating AS (
    SELECT DISTINCT trace_id, gpu_id, kernel_id, start_ns, end_ns
    FROM (
        SELECT trace_id, gpu_id, kernel_id, start_ns, end_ns FROM kernels_communicating
        UNION ALL
        SELECT trace_id, NULL, kernel_id, start_ns, end_ns FROM kernels_communicating
    )
    WHERE end_ns > start_ns
),
spread_out AS (
    SELECT
        trace_id,
        gpu_id,
        greatest(
            start_ns,
            coalesce(busy_until(start_ns, end_ns, kernel_id, (trace_id, gpu_id)), start_ns)
        ) AS begins_ns,
        end_ns
    FROM communicating
),
collectives AS (
    SELECT * FROM spread_out WHERE end_ns > begins_ns
),
while_at_work AS (
    SELECT
        links.trace_id,
        links.device,
        links.gpu_id,
        metric,
        unit,
        sum(least(to_ns, end_ns) - greatest(from_ns, begins_ns))::BIGINT AS collective_ns,
        sum(value * (least(to_ns, end_ns) - greatest(from_ns, begins_ns))) AS amount
    FROM links
    JOIN collectives
        ON collectives.trace_id = links.trace_id AND collectives.gpu_id IS NOT DISTINCT FROM links.gpu_id
        AND begins_ns < to_ns AND end_ns > from_ns
    GROUP BY ALL
),
means AS (
    SELECT
        trace_id,
        device,
        gpu_id,
        metric,
        unit,
        bool_or(is_share) AS is_share,
        any_value(peak_bytes_per_s) AS peak_bytes_per_s,
        count(*) AS samples,
        sum(value * (to_ns - from_ns)) / nullif(sum(to_ns - from_ns), 0) AS mean,
        max(value) AS highest
    FROM links
    GROUP BY ALL
),
told AS (
    SELECT
        means.*,
        coalesce(collective_ns, 0) AS collective_ns,
        amount / collective_ns AS collective_mean,
        -- A share becomes bytes by the peak.
        CASE WHEN is_share THEN means.peak_bytes_per_s / 100 ELSE 1 END AS factor
    FROM means
    LEFT JOIN while_at_work
        ON while_at_work.trace_id = means.trace_id AND while_at_work.device IS NOT DISTINCT FROM means.device
        AND while_at_work.gpu_id IS NOT DISTINCT FROM means.gpu_id AND while_at_work.metric = means.metric
        AND while_at_work.unit = means.unit
)
SELECT
    trace,
    device,
    gpu_id,
    metric,
    samples,
    mean * factor AS avg_bytes_per_s,
    highest * factor AS max_bytes_per_s,
    collective_ns,
    collective_mean * factor AS collective_bytes_per_s,
    peak_bytes_per_s,
    CASE WHEN is_share THEN mean END AS avg_pct,
    CASE WHEN is_share THEN collective_mean END AS collective_pct
FROM told
JOIN traces USING (trace_id)
ORDER BY trace, device, gpu_id, metric, unit
