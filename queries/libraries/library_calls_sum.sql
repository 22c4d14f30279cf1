-- Where does the time in calls of libraries go: MPI, UCX, OpenACC, OpenMP, cuBLAS, cuDNN, NCCL …?
--
-- Those that the profiler traced for itself, and those that a library marks as NVTX ranges of its own domain.
-- These are times on the CPU: a call of cuBLAS returns when its kernels are launched. Calls inside others (a
-- barrier inside a parallel region) count in both.
-- @of     totals
-- @unites trace
-- @param  library VARCHAR = '*'  name of a library, or a pattern of it
-- @needs  calls_of_libraries
-- @column trace VARCHAR         name of the trace
-- @column library VARCHAR       MPI, UCX, OpenACC, OpenMP, cuBLAS …
-- @column function VARCHAR      function, or kind of event
-- @column calls BIGINT          how often it was called
-- @column total_ns BIGINT       time in all calls
-- @column share_pct DOUBLE      of the time in all calls of these libraries in the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=function y=total_ns
-- @empty  No calls of such a library: nsys profile --trace=mpi,ucx,openacc,openmp,cublas,cudnn,nvtx.

WITH timed AS (
    SELECT traces.trace, library, coalesce(name, '') AS function, calls_of_libraries.duration_ns
    FROM calls_of_libraries
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(library, $library) AND calls_of_libraries.duration_ns IS NOT NULL
)
SELECT * EXCLUDE (q1_ns, q3_ns) RENAME (instances AS calls)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC, library, function
