-- How busy are the links of each machine, and how busy while collectives run: NVLink, PCIe, network cards?
--
-- Of NVLink and PCIe the GPU's metrics tell a share of what the link can do in one direction, which with its
-- peak makes bytes; network cards count bytes. A sample counts for collectives as far as the time of which it
-- tells overlaps kernels that communicate: on the sampled GPU, of network cards on any GPU of the trace.
-- Collectives much shorter than the sampling period share it with what is around them; which collectives
-- these are, and what the links did outside, collective-links says.
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
-- @column collective_ns BIGINT   time of collectives that samples tell of; NULL without recorded kernels
-- @column collective_bytes_per_s DOUBLE  mean over that time; NULL without any
-- @column peak_bytes_per_s DOUBLE  what the link can do in one direction; NULL where it is not known
-- @column avg_pct DOUBLE         mean in percent of the peak
-- @column collective_pct DOUBLE  the same while collectives run
-- @chart  bars x=metric y=collective_pct group=gpu_id
-- @section timeline 46.5 Links
-- @empty  No link was sampled: nsys profile --gpu-metrics-devices=all, or --nic-metrics=true.

WITH communicating AS (
    SELECT 0 AS owner, trace_id, coalesce(gpu_id, -1) AS gpu_id, start_ns, end_ns, message_bytes,
           kernel_id AS run
    FROM kernels_communicating
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
means AS (
    SELECT *, amount / nullif(known_ns, 0) AS mean FROM link_means($metric)
),
told AS (
    SELECT
        means.*,
        meanwhile.known_ns AS known_meanwhile_ns,
        meanwhile.amount / nullif(meanwhile.known_ns, 0) AS collective_mean,
        -- A share becomes bytes by the peak.
        CASE WHEN is_share THEN peak_bytes_per_s / 100 ELSE 1 END AS factor
    FROM means
    LEFT JOIN links_meanwhile(communicating) AS meanwhile USING (link)
)
SELECT
    trace,
    device,
    gpu_id,
    metric,
    samples,
    mean * factor AS avg_bytes_per_s,
    highest * factor AS max_bytes_per_s,
    coalesce(known_meanwhile_ns, CASE WHEN gpu_work_recorded(missing) THEN 0 END) AS collective_ns,
    collective_mean * factor AS collective_bytes_per_s,
    peak_bytes_per_s,
    CASE WHEN is_share THEN mean END AS avg_pct,
    CASE WHEN is_share THEN collective_mean END AS collective_pct
FROM told
JOIN chosen_traces($trace) AS traces USING (trace_id)
ORDER BY trace, device, gpu_id, metric, link
