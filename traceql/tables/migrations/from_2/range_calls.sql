-- Of start/end ranges the kernels were known; now it is the calls, of ranges that cross others, too.

SELECT DISTINCT trace_id, startend_kernels.range_id, api_call_id
FROM old.startend_kernels
JOIN old.kernels USING (trace_id, kernel_id)
WHERE api_call_id IS NOT NULL
