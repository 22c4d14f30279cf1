-- Every sample of a link: NVLink and PCIe of GPUs, network cards and InfiniBand switches, and what it can do.
--
-- Of NVLink and PCIe the GPU's metrics tell a share of what the link can do in one direction, which with its
-- peak makes bytes; network cards count bytes. A sample of a network card says of which time it tells, one of
-- a GPU tells of the time until the next one: the last one of a GPU tells of none.
-- @needs  gpu_samples|counter_samples
-- @column trace_id BIGINT          the trace it belongs to, see traces
-- @column trace VARCHAR            name of the trace
-- @column link BIGINT              a number of the link's metric, which no other one has
-- @column device VARCHAR           network card or switch; NULL for links of a GPU
-- @column gpu_id INTEGER           GPU of the machine; NULL for network cards
-- @column metric VARCHAR           what is measured
-- @column place BIGINT             of the samples of the link, from 1
-- @column known_from_ns BIGINT     from when it tells
-- @column known_until_ns BIGINT    until when; NULL of the last one of a GPU
-- @column rate DOUBLE              bytes per second; of a GPU's link a share in percent
-- @column is_share BOOLEAN         whether it is a share
-- @column peak_bytes_per_s DOUBLE  what the link can do in one direction; NULL where it is not known

WITH peaks AS (
    SELECT trace_id, gpu_id, nvlink_bytes_per_s, pcie_bytes_per_s
    FROM gpu_products
    JOIN gpu_specs USING (gpu)
),
sampled AS (
    SELECT
        trace_id,
        trace,
        dense_rank() OVER (ORDER BY trace_id, source, device, gpu_id, metric, unit) AS link,
        source,
        device,
        gpu_id,
        metric,
        time_ns,
        span_ns,
        CASE WHEN unit = 'bytes/ms' THEN 1e3 * value ELSE value END AS rate
    FROM sampled_counters
    WHERE value IS NOT NULL
        AND (
            (source = 'gpu' AND unit = 'Throughput %' AND regexp_matches(metric, '^(NVLink|PCIe) '))
            OR (source IN ('nic', 'ib_switch') AND unit IN ('bytes/ms', 'bytes/s', 'B/s'))
        )
)
SELECT
    trace_id,
    trace,
    link,
    device,
    gpu_id,
    metric,
    row_number() OVER samples AS place,
    time_ns - coalesce(span_ns, 0) AS known_from_ns,
    CASE source WHEN 'gpu' THEN lead(time_ns) OVER samples ELSE time_ns END AS known_until_ns,
    rate,
    source = 'gpu' AS is_share,
    CASE WHEN source <> 'gpu' THEN NULL
         WHEN contains(metric, 'NVLink') THEN nvlink_bytes_per_s
         ELSE pcie_bytes_per_s END AS peak_bytes_per_s
FROM sampled
LEFT JOIN peaks USING (trace_id, gpu_id)
WINDOW samples AS (PARTITION BY link ORDER BY time_ns)
