-- What all samples of each link tell together.
--
-- Columns: trace_id, link, device, gpu_id, metric, is_share and peak_bytes_per_s (see link_samples); samples,
-- how many there are; known_ns, the time of which they tell; amount, rate × time in it; highest, the highest
-- rate.
-- @param  pattern VARCHAR  of the metrics; * for all

SELECT
    trace_id,
    link,
    device,
    gpu_id,
    metric,
    any_value(is_share) AS is_share,
    any_value(peak_bytes_per_s) AS peak_bytes_per_s,
    count(*) AS samples,
    sum(known_until_ns - known_from_ns) AS known_ns,
    sum(rate * (known_until_ns - known_from_ns)) AS amount,
    max(rate) AS highest
FROM link_samples
WHERE is_like(metric, pattern)
GROUP BY ALL
