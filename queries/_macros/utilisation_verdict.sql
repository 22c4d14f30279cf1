-- What holds a workload back, from how much of the peaks it reaches.
--
-- With the thresholds of ncu's rule SOLBottleneck (sections/SpeedOfLight.py): below 60 % of both it waits, within 10
-- points of each other they are balanced, else the higher one is what it is bound by.
-- @param  compute_pct DOUBLE  of the throughput of the SMs
-- @param  memory_pct DOUBLE   of the throughput of the memory system

CASE WHEN compute_pct IS NULL OR memory_pct IS NULL THEN NULL
     WHEN greatest(compute_pct, memory_pct) < 60 THEN 'latency'
     WHEN abs(compute_pct - memory_pct) < 10 THEN 'balanced'
     WHEN compute_pct > memory_pct THEN 'compute'
     ELSE 'memory' END
