-- One row per page fault of the CPU on managed memory. Folders of source files stay out.
-- @raw   CUDA_UM_CPU_PAGE_FAULT_EVENTS
-- @reads start                 BIGINT
-- @reads globalPid             BIGINT
-- @reads address               BIGINT
-- @reads CpuInstruction        BIGINT
-- @reads sourceFile|SourceFile BIGINT
-- @reads sourceLine|SourceLine INTEGER
-- @of    CUDA_UM_CPU_PAGE_FAULT_EVENTS
-- @fills um_cpu_page_faults = CUDA_UM_CPU_PAGE_FAULT_EVENTS

INSERT INTO um_cpu_page_faults BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    start - getvariable('origin_ns') AS time_ns,
    globalPid & -16777216 AS process_id,
    globalPid >> 24 & 16777215 AS pid,
    address AS virtual_address,
    instructions.value AS instruction,
    nullif(regexp_extract(files.value, '[^/\\]*$'), '') AS source_file,
    nullif(sourceLine, 0) AS source_line
FROM raw_CUDA_UM_CPU_PAGE_FAULT_EVENTS
LEFT JOIN strings AS instructions ON instructions.id = CpuInstruction
LEFT JOIN strings AS files ON files.id = sourceFile
ORDER BY time_ns, process_id, virtual_address
