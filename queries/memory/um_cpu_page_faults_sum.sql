-- Which code on the CPU faults on managed memory?
--
-- NVIDIA's counterpart: nsys stats um_cpu_page_faults_sum.
-- @of     totals
-- @unites trace
-- @needs  um_cpu_page_faults
-- @column trace VARCHAR           name of the trace
-- @column cpu_page_faults BIGINT  page faults
-- @column instruction VARCHAR     function, or address of the instruction, that touched the page
-- @column source_file VARCHAR     its source file, without the folder; NULL if not resolved
-- @column source_line INTEGER     line in the source file
-- @chart  bars x=instruction y=cpu_page_faults

SELECT
    trace,
    count(*) AS cpu_page_faults,
    instruction,
    source_file,
    source_line
FROM um_cpu_page_faults
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, instruction, source_file, source_line
ORDER BY trace, cpu_page_faults DESC, instruction, source_file, source_line
