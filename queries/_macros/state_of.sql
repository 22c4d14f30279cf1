-- What a GPU does while so much runs.
--
-- @param  running HUGEINT  running sum of gpu_points: nothing else, in its lowest 93 bits

CASE
    WHEN running & 2147483647 > 0 AND (running >> 31) & 2147483647 > 0 THEN 'overlapped'
    WHEN running & 2147483647 > 0 THEN 'exposed'
    WHEN (running >> 31) & 2147483647 > 0 THEN 'compute'
    WHEN (running >> 62) & 2147483647 > 0 THEN 'memory'
    ELSE 'idle'
END
