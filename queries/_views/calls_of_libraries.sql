-- One call of a library, or event of a programming model, traced by the profiler or marked by the library.
--
-- Libraries that mark their calls do so as NVTX ranges of a domain of their own; names differ by version.
-- @needs  library_calls|nvtx_ranges
-- @column trace_id BIGINT         the trace it belongs to, see traces
-- @column trace VARCHAR           name of the trace
-- @column library VARCHAR         MPI, UCX, OpenACC, OpenMP, cuBLAS, cuSOLVER, NCCL …
-- @column call_class VARCHAR      see library_calls; NULL for others
-- @column name VARCHAR            function, or kind of event
-- @column start_ns BIGINT         start of the call
-- @column end_ns BIGINT           its end; NULL if not known
-- @column duration_ns BIGINT      time in the call; NULL if not known
-- @column process_id BIGINT       process, see processes
-- @column pid BIGINT              process, as its own container numbers it
-- @column tid BIGINT              thread
-- @column range_id BIGINT         innermost push/pop range around its start; NULL outside any
-- @column library_call_id BIGINT  the call, see library_calls; NULL where it is an NVTX range
-- @column marked_by_id BIGINT     the NVTX range that it is, see nvtx_ranges; NULL for others

WITH calls AS (
    SELECT trace_id, library, call_class, name, start_ns, end_ns, duration_ns, process_id, pid, tid, range_id,
           library_call_id, NULL::BIGINT AS marked_by_id
    FROM library_calls
    UNION ALL
    SELECT trace_id, marked.library, NULL, text, start_ns, end_ns, duration_ns, process_id, pid, tid,
           parent_id, NULL, range_id
    FROM nvtx_ranges
    JOIN library_domains AS marked ON marked.domain = lower(nvtx_ranges.domain)
    WHERE style <> 'mark'
)
SELECT trace_id, trace, calls.* EXCLUDE (trace_id)
FROM calls
JOIN traces USING (trace_id)
