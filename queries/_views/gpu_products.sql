-- Which product of gpu_specs each GPU of a trace is.
--
-- The names are matched by their words, in any order: all must be there. Where siblings have one name, the
-- number of SMs and the size of the memory decide. A GPU with another number of SMs (a MIG slice, or what MPS
-- lets a process use), with another memory than any of that name, or between two siblings, is none of them.
-- @column trace_id BIGINT  the trace it belongs to, see traces
-- @column trace VARCHAR    name of the trace
-- @column gpu_id INTEGER   the profiler's number of the GPU
-- @column gpu VARCHAR      name in gpu_specs

WITH candidates AS (
    SELECT
        trace_id,
        gpu_id,
        gpu_specs.gpu,
        -- Profilers count what the driver leaves of it, in bytes; products are sold in GB or GiB.
        coalesce(abs(gpus.memory_bytes / gpu_specs.memory_bytes - 1), 0) AS off
    FROM gpus
    JOIN gpu_specs
        ON list_contains(
            gpu_specs.keys,
            array_to_string(
                list_sort(list_distinct(list_filter(
                    regexp_extract_all(
                        regexp_replace(lower(gpu_name), '([0-9]+) gb\b', '\1gb', 'g'), '[a-z0-9]+'
                    ),
                    lambda word: word NOT IN ('nvidia', 'geforce', 'tesla')
                ))),
                ' '
            )
        )
        AND coalesce(gpus.sm_count = gpu_specs.sm_count, true)
)
SELECT trace_id, trace, gpu_id, min(ranked.gpu) FILTER (off = least) AS gpu
FROM (SELECT *, min(off) OVER (PARTITION BY trace_id, gpu_id) AS least FROM candidates) AS ranked
JOIN traces USING (trace_id)
WHERE off < 0.2
GROUP BY trace_id, trace, gpu_id
HAVING count(*) FILTER (off = least) = 1
