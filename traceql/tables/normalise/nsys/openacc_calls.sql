-- Events of OpenACC, and what it tells of each.
--
-- The kinds are CUPTI's (CUpti_OpenAccEventKind), the devices those of OpenACC (acc_device_t), with the
-- labels that nsys prints. Where the device is none of NVIDIA's, CUDA's numbers mean nothing. What a runtime
-- does not tell is -1 (bytes that are freed, lines), 0 or no text, and a variable without a name <Unknown>.
-- @raw   CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads globalTid    BIGINT
-- @reads nameId       BIGINT
-- @reads eventKind    INTEGER
-- @reads DeviceType   INTEGER
-- @reads lineNo       INTEGER
-- @reads cuDeviceId   INTEGER
-- @reads cuContextId  BIGINT
-- @reads cuStreamId   BIGINT
-- @reads srcFile      BIGINT
-- @reads funcName     BIGINT
-- @reads numGangs     BIGINT
-- @reads numWorkers   BIGINT
-- @reads vectorLength BIGINT
-- @reads kernelName   BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_OPENACC_DATA
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads globalTid   BIGINT
-- @reads nameId      BIGINT
-- @reads eventKind   INTEGER
-- @reads DeviceType  INTEGER
-- @reads lineNo      INTEGER
-- @reads cuDeviceId  INTEGER
-- @reads cuContextId BIGINT
-- @reads cuStreamId  BIGINT
-- @reads srcFile     BIGINT
-- @reads funcName    BIGINT
-- @reads bytes       BIGINT
-- @reads varName     BIGINT
-- @raw   CUPTI_ACTIVITY_KIND_OPENACC_OTHER
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads globalTid   BIGINT
-- @reads nameId      BIGINT
-- @reads eventKind   INTEGER
-- @reads DeviceType  INTEGER
-- @reads lineNo      INTEGER
-- @reads cuDeviceId  INTEGER
-- @reads cuContextId BIGINT
-- @reads cuStreamId  BIGINT
-- @reads srcFile     BIGINT
-- @reads funcName    BIGINT
-- @of    CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH CUPTI_ACTIVITY_KIND_OPENACC_DATA
--        CUPTI_ACTIVITY_KIND_OPENACC_OTHER
-- @fills library_calls = CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH + CUPTI_ACTIVITY_KIND_OPENACC_DATA
--        + CUPTI_ACTIVITY_KIND_OPENACC_OTHER
-- @fills directives = CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH + CUPTI_ACTIVITY_KIND_OPENACC_DATA
--        + CUPTI_ACTIVITY_KIND_OPENACC_OTHER

CREATE TEMP TABLE openacc_events AS
WITH told AS (
    SELECT 'launch' AS call_class, start, "end", globalTid, nameId, eventKind, DeviceType, lineNo, cuDeviceId,
           cuContextId, cuStreamId, srcFile, funcName, numGangs AS gangs, numWorkers AS workers,
           vectorLength AS vector_length, kernelName, NULL::BIGINT AS bytes, NULL::BIGINT AS varName
    FROM raw_CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH
    UNION ALL
    SELECT 'data', start, "end", globalTid, nameId, eventKind, DeviceType, lineNo, cuDeviceId, cuContextId,
           cuStreamId, srcFile, funcName, NULL, NULL, NULL, NULL, bytes, varName
    FROM raw_CUPTI_ACTIVITY_KIND_OPENACC_DATA
    UNION ALL
    SELECT 'other', start, "end", globalTid, nameId, eventKind, DeviceType, lineNo, cuDeviceId, cuContextId,
           cuStreamId, srcFile, funcName, NULL, NULL, NULL, NULL, NULL, NULL
    FROM raw_CUPTI_ACTIVITY_KIND_OPENACC_OTHER
)
SELECT
    -- Behind those of other libraries.
    (
        SELECT coalesce(max(library_call_id), getvariable('trace_id') << 32)
        FROM library_calls
        WHERE trace_id = getvariable('trace_id')
    ) + row_number() OVER (
        ORDER BY start, globalTid, eventKind, name, "end", lineNo, bytes, varName
    ) AS library_call_id,
    *
FROM (SELECT told.*, strings.value AS name FROM told LEFT JOIN strings ON strings.id = nameId);

INSERT INTO library_calls BY NAME
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    'OpenACC' AS library,
    call_class,
    name,
    started.start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    range_timeline.range_id
FROM (SELECT *, start - getvariable('origin_ns') AS start_ns FROM openacc_events) AS started
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = globalTid AND range_timeline.at_ns <= started.start_ns
ORDER BY library_call_id;

INSERT INTO directives BY NAME
WITH kinds(id, label) AS (
    VALUES (0, 'Invalid'), (1, 'Device init'), (2, 'Device shutdown'), (3, 'Runtime shutdown'),
           (4, 'Enqueue launch'), (5, 'Enqueue upload'), (6, 'Enqueue download'), (7, 'Wait'),
           (8, 'Implicit wait'), (9, 'Compute construct'), (10, 'Update'), (11, 'Enter data'),
           (12, 'Exit data'), (13, 'Create'), (14, 'Delete'), (15, 'Alloc'), (16, 'Free')
),
devices(id, label) AS (
    VALUES (0, 'None'), (1, 'Default'), (2, 'Host'), (3, 'Not host'), (4, 'NVIDIA'), (5, 'Radeon'),
           (6, 'Xeon Phi'), (7, 'PGI OpenCL'), (8, 'NVIDIA OpenCL'), (9, 'OpenCL')
)
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    coalesce(kinds.label, 'Unknown (' || eventKind || ')') AS directive_kind,
    nullif(regexp_extract(files.value, '[^/\\]*$'), '') AS source_file,
    nullif(lineNo, 0) AS source_line,
    nullif(functions.value, '') AS function,
    nullif(nullif(variables.value, ''), '<Unknown>') AS data_variable,
    nullif(nullif(kernels.value, ''), '<Unknown>') AS kernel,
    nullif(bytes, -1) AS data_bytes,
    coalesce(devices.label, 'Unknown (' || DeviceType || ')') AS device_type,
    CASE DeviceType WHEN 4 THEN cuDeviceId END AS device_id,
    CASE DeviceType WHEN 4 THEN cuContextId END AS context_id,
    CASE DeviceType WHEN 4 THEN cuStreamId END AS stream_id,
    gangs,
    workers,
    vector_length
FROM openacc_events
LEFT JOIN kinds ON kinds.id = eventKind
LEFT JOIN devices ON devices.id = DeviceType
LEFT JOIN strings AS files ON files.id = srcFile
LEFT JOIN strings AS functions ON functions.id = funcName
LEFT JOIN strings AS variables ON variables.id = varName
LEFT JOIN strings AS kernels ON kernels.id = kernelName
ORDER BY library_call_id
