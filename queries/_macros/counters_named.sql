-- Metrics of every profiled workload as one map, name → value.
--
-- `LEFT JOIN counters_named([…]) USING (kernel_id)`, then `counters['sm__cycles_active.avg']`, NULL where the
-- report does not have it. Columns: kernel_id, counters.
-- @param  wanted VARCHAR[]  NVIDIA's names

SELECT kernel_id, map(list(metric), list(value)) AS counters
FROM metrics
WHERE list_contains(wanted, metric)
GROUP BY kernel_id
