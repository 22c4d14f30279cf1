-- What holds a workload back, from how much of the peaks it reaches.
--
-- As ncu's rule SOLBottleneck has it (sections/SpeedOfLight.py; tests hold it to what the rule says in
-- reports): from 80 % of a peak on high, there is little to gain but by other work; below 60 % of both
-- small_grid where the grid leaves SMs without a block, else latency; between, balanced where both are
-- within 10 points, else compute or memory.
-- @param  compute_pct DOUBLE  throughput of the SMs, share of the peak
-- @param  memory_pct DOUBLE   throughput of the memory system
-- @param  waves DOUBLE        waves of blocks per SM; NULL if not known

CASE WHEN compute_pct IS NULL OR memory_pct IS NULL THEN NULL
     WHEN greatest(compute_pct, memory_pct) >= 80 THEN 'high'
     WHEN greatest(compute_pct, memory_pct) < 60 THEN if(waves < 1, 'small_grid', 'latency')
     WHEN abs(compute_pct - memory_pct) < 10 THEN 'balanced'
     WHEN compute_pct > memory_pct THEN 'compute'
     ELSE 'memory' END
