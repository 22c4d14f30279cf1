-- One row per value of a counter: of NVTX, of network cards and switches, of the system.
--
-- Network counters are rates of the time from start to end, with their units; so is what counters of CPUs
-- counted in it. Counters of NVTX are generic events of the source GenericCounters (up to 2024 a table each):
-- one for each sample, with a value for each field of a group. A report tells their units, scopes and the
-- device that nsys's own plugins name; its export does not. The plugin nvml_metrics counts watts and °C.
-- How much memory of a GPU processes use, may use and keep there comes from events of Windows.
-- @raw   NVTX_COUNTER_SAMPLES
-- @reads domainId  BIGINT
-- @reads counterId BIGINT
-- @reads timestamp BIGINT
-- @reads field     VARCHAR
-- @reads value     DOUBLE
-- @raw   NVTX_COUNTER_GROUPS
-- @reads domainId       BIGINT
-- @reads counterGroupId BIGINT
-- @reads name           VARCHAR
-- @reads scopeId        BIGINT
-- @raw   NVTX_COUNTERS
-- @reads counterId BIGINT
-- @reads name      VARCHAR
-- @reads fieldName VARCHAR
-- @reads unit      VARCHAR
-- @reads scopePath VARCHAR
-- @raw   GENERIC_EVENT_SOURCES
-- @reads sourceId BIGINT
-- @reads nameId   BIGINT
-- @raw   GENERIC_EVENT_TYPES
-- @reads typeId   BIGINT
-- @reads sourceId BIGINT
-- @reads nameId   BIGINT
-- @raw   GENERIC_EVENT_TYPE_FIELDS
-- @reads typeId      BIGINT
-- @reads fieldIdx    BIGINT
-- @reads fieldNameId BIGINT
-- @raw   GENERIC_EVENTS
-- @reads genericEventId BIGINT
-- @reads timestamp      BIGINT
-- @reads typeId         BIGINT
-- @raw   GENERIC_EVENT_DATA
-- @reads genericEventId BIGINT
-- @reads fieldIdx       BIGINT
-- @reads intVal         BIGINT
-- @reads uintVal        BIGINT
-- @reads floatVal       DOUBLE
-- @reads doubleVal      DOUBLE
-- @raw   TARGET_INFO_GPU
-- @reads id          INTEGER
-- @reads busLocation VARCHAR
-- @raw   NVTX_SCOPES
-- @reads domainId BIGINT
-- @reads scopeId  BIGINT
-- @reads path     VARCHAR
-- @raw   NET_NIC_METRIC
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalId      BIGINT
-- @reads portId        BIGINT
-- @reads metricsListId BIGINT
-- @reads metricsIdx    BIGINT
-- @reads value         DOUBLE
-- @raw   NET_IB_SWITCH_METRIC
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalId      BIGINT
-- @reads portId        BIGINT
-- @reads metricsListId BIGINT
-- @reads metricsIdx    BIGINT
-- @reads value         DOUBLE
-- @raw   TARGET_INFO_NETWORK_METRICS
-- @reads metricsListId BIGINT
-- @reads metricsIdx    BIGINT
-- @reads name          VARCHAR
-- @reads unit          VARCHAR
-- @raw   NIC_ID_MAP
-- @reads nicId    BIGINT
-- @reads globalId BIGINT
-- @raw   TARGET_INFO_NIC_INFO
-- @reads nicId BIGINT
-- @reads name  VARCHAR
-- @reads GUID  BIGINT
-- @raw   NET_IB_DEVICE_INFO
-- @reads guid BIGINT
-- @reads name VARCHAR
-- @raw   SOC_METRICS
-- @reads timestamp BIGINT
-- @reads typeId    UBIGINT
-- @reads metricId  BIGINT
-- @reads value     DOUBLE
-- @raw   TARGET_INFO_SOC_METRICS
-- @reads typeId     UBIGINT
-- @reads metricId   BIGINT
-- @reads metricName VARCHAR
-- @raw   PMU_EVENTS
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads cpu        BIGINT
-- @reads counter_id BIGINT
-- @raw   PMU_EVENT_COUNTERS
-- @reads id    BIGINT
-- @reads idx   BIGINT
-- @reads value DOUBLE
-- @raw   PMU_EVENT_REQUESTS
-- @reads id         BIGINT
-- @reads event_name VARCHAR
-- @raw   UNCORE_PMU_EVENTS
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads clusterId BIGINT
-- @reads counterId BIGINT
-- @raw   UNCORE_PMU_EVENT_VALUES
-- @reads id    BIGINT
-- @reads rawId BIGINT
-- @reads value DOUBLE
-- @raw   PERF_EVENT_SOC_OR_CPU_RAW_EVENT
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads componentId BIGINT
-- @reads eventId     BIGINT
-- @reads count       DOUBLE
-- @raw   PERF_EVENT_SOC_OR_CPU_METRIC_EVENT
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads componentId BIGINT
-- @reads metricId    BIGINT
-- @reads value       DOUBLE
-- @raw   TARGET_INFO_PERF_METRIC
-- @reads id   BIGINT
-- @reads name VARCHAR
-- @reads unit VARCHAR
-- @raw   TARGET_INFO_COMPONENT
-- @reads componentId BIGINT
-- @reads name        VARCHAR
-- @reads instance    BIGINT
-- @raw   BANDWIDTH_USAGE_EVENTS
-- @reads start    BIGINT
-- @reads end      BIGINT
-- @reads valuesId BIGINT
-- @raw   BANDWIDTH_USAGE_VALUES
-- @reads id    BIGINT
-- @reads idx   BIGINT
-- @reads value DOUBLE
-- @raw   GPU_MEMORY_USAGE_EVENTS
-- @reads timestamp    BIGINT
-- @reads gpu          INTEGER
-- @reads newUsage     DOUBLE
-- @reads segmentGroup BIGINT
-- @reads globalTid    BIGINT
-- @raw   GPU_MEMORY_BUDGET_EVENTS
-- @reads timestamp    BIGINT
-- @reads gpu          INTEGER
-- @reads newBudget    DOUBLE
-- @reads segmentGroup BIGINT
-- @reads globalTid    BIGINT
-- @raw   TOTAL_BYTES_RESIDENT_IN_SEGMENT_EVENTS
-- @reads timestamp          BIGINT
-- @reads gpu                INTEGER
-- @reads totalBytesResident DOUBLE
-- @reads segmentGroup       BIGINT
-- @reads segmentId          BIGINT
-- @raw   DEMOTED_BYTES_EVENTS
-- @reads timestamp  BIGINT
-- @reads gpu        INTEGER
-- @reads commitment DOUBLE
-- @of    GENERIC_EVENT_DATA NVTX_COUNTER_SAMPLES NET_NIC_METRIC NET_IB_SWITCH_METRIC SOC_METRICS PMU_EVENTS
-- @of    UNCORE_PMU_EVENTS PERF_EVENT_SOC_OR_CPU_RAW_EVENT PERF_EVENT_SOC_OR_CPU_METRIC_EVENT
-- @of    BANDWIDTH_USAGE_EVENTS
-- @of    GPU_MEMORY_USAGE_EVENTS GPU_MEMORY_BUDGET_EVENTS TOTAL_BYTES_RESIDENT_IN_SEGMENT_EVENTS
-- @of    DEMOTED_BYTES_EVENTS
-- @fills counter_samples = read_counters

CREATE TEMP TABLE read_counters AS
WITH groups AS (
    SELECT domainId AS domain_id, counterGroupId AS counter_id, any_value(name) AS name,
           any_value(scopeId) AS scope_id
    FROM raw_NVTX_COUNTER_GROUPS
    GROUP BY ALL
),
described AS (
    SELECT counterId AS counter_id, fieldName AS field, any_value(name) AS name, any_value(unit) AS unit,
           any_value(scopePath) AS scope
    FROM raw_NVTX_COUNTERS
    GROUP BY ALL
),
fields AS (
    SELECT typeId, fieldIdx, strings.value AS field
    FROM raw_GENERIC_EVENT_TYPE_FIELDS
    LEFT JOIN strings ON strings.id = fieldNameId
),
-- Of several counters with the same name and fields, as of several devices, an export does not tell which.
numbered_fields AS (
    SELECT typeId, list(field ORDER BY fieldIdx) AS fields FROM fields GROUP BY typeId
),
types AS (
    SELECT
        types.typeId,
        coalesce(type_names.value, '') AS type_name,
        CASE WHEN count(*) OVER alike > 1
             THEN 'counter ' || row_number() OVER (alike ORDER BY types.typeId) END AS unnamed
    FROM raw_GENERIC_EVENT_TYPES AS types
    JOIN raw_GENERIC_EVENT_SOURCES AS sources ON sources.sourceId = types.sourceId
    JOIN strings AS source_names ON source_names.id = sources.nameId
    LEFT JOIN strings AS type_names ON type_names.id = types.nameId
    LEFT JOIN numbered_fields USING (typeId)
    WHERE source_names.value = 'GenericCounters'
    WINDOW alike AS (PARTITION BY coalesce(type_names.value, ''), fields)
),
-- The group of the plugin has no name and these two fields, wherever it runs.
plugins AS (
    SELECT typeId
    FROM types
    JOIN fields USING (typeId)
    WHERE type_name = ''
    GROUP BY typeId
    HAVING list(field ORDER BY field) IN (['Power'], ['Power', 'Temperature'])
),
buses AS (
    SELECT id AS gpu_id, min(busLocation) AS bus FROM raw_TARGET_INFO_GPU WHERE busLocation <> '' GROUP BY id
),
generic AS (
    SELECT
        timestamp,
        types.type_name,
        types.unnamed,
        coalesce(fields.field, 'field ' || counted.fieldIdx) AS field,
        events.typeId IN (FROM plugins) AS is_nvml,
        described.unit,
        described.scope,
        CASE WHEN described.name NOT IN (type_name, fields.field) THEN described.name END AS named,
        coalesce(
            counted.intVal::DOUBLE,
            -- Unsigned numbers are held as the same bits signed.
            counted.uintVal::DOUBLE + CASE WHEN counted.uintVal < 0 THEN 18446744073709551616 ELSE 0 END,
            counted.floatVal,
            counted.doubleVal
        ) AS value
    FROM raw_GENERIC_EVENTS AS events
    JOIN types USING (typeId)
    JOIN raw_GENERIC_EVENT_DATA AS counted ON counted.genericEventId = events.genericEventId
    LEFT JOIN fields ON fields.typeId = events.typeId AND fields.fieldIdx = counted.fieldIdx
    LEFT JOIN described
        ON described.counter_id = events.typeId & 4294967295 AND described.field = fields.field
),
scopes AS (
    SELECT domainId AS domain_id, scopeId AS scope_id, any_value(path) AS path
    FROM raw_NVTX_SCOPES
    GROUP BY ALL
),
network_metrics AS (
    SELECT metricsListId, metricsIdx, any_value(name) AS name, any_value(unit) AS unit
    FROM raw_TARGET_INFO_NETWORK_METRICS
    GROUP BY ALL
),
cards AS (
    SELECT globalId, any_value(name) AS name
    FROM raw_NIC_ID_MAP
    JOIN (SELECT DISTINCT nicId, name FROM raw_TARGET_INFO_NIC_INFO) USING (nicId)
    GROUP BY globalId
),
switches AS (
    SELECT guid, any_value(name) AS name FROM raw_NET_IB_DEVICE_INFO GROUP BY guid
),
soc_names AS (
    SELECT
        typeId,
        metricId,
        any_value(regexp_extract(metricName, '^(.*?) *(?:\[([^\]]*)\])?$', 1)) AS metric,
        any_value(nullif(regexp_extract(metricName, '\[([^\]]*)\]$', 1), '')) AS unit
    FROM raw_TARGET_INFO_SOC_METRICS
    GROUP BY ALL
),
cpu_counters AS (
    SELECT id, any_value(event_name) AS name FROM raw_PMU_EVENT_REQUESTS GROUP BY id
),
components AS (
    SELECT componentId AS component_id, any_value(concat_ws(' ', name, instance)) AS name
    FROM raw_TARGET_INFO_COMPONENT
    GROUP BY ALL
),
perf_metrics AS (
    SELECT id, any_value(name) AS name, any_value(nullif(unit, '')) AS unit
    FROM raw_TARGET_INFO_PERF_METRIC
    GROUP BY id
),
-- Of events what they counted in their time, of metrics what follows from that.
perf AS (
    SELECT start, "end", componentId, 'event ' AS kind, eventId AS metric_id, count AS value
    FROM raw_PERF_EVENT_SOC_OR_CPU_RAW_EVENT
    UNION ALL
    SELECT start, "end", componentId, 'metric ', metricId, value
    FROM raw_PERF_EVENT_SOC_OR_CPU_METRIC_EVENT
)
SELECT
    timestamp AS at_ns,
    NULL::BIGINT AS span_ns,
    CASE WHEN is_nvml THEN 'nvml' ELSE 'nvtx' END AS source,
    coalesce(scope, named, unnamed) AS device,
    CASE
        WHEN NOT is_nvml THEN NULL
        WHEN named IS NOT NULL THEN buses.gpu_id
        -- An export does not name the GPU: where there is one, it is that.
        ELSE (SELECT min(gpu_id) FROM buses HAVING count(*) = 1)
    END AS gpu_id,
    concat_ws(' ', nullif(nullif(type_name, field), ''), field) AS metric,
    CASE WHEN unit IS NOT NULL OR NOT is_nvml THEN unit WHEN field = 'Power' THEN 'W' ELSE '°C' END AS unit,
    value
FROM generic
LEFT JOIN buses ON contains(lower(named), lower(bus))
UNION ALL
SELECT
    timestamp,
    NULL,
    'nvtx',
    scopes.path,
    NULL,
    concat_ws(' ', nullif(groups.name, ''), nullif(field, 'value')),
    NULL,
    value
FROM raw_NVTX_COUNTER_SAMPLES AS samples
LEFT JOIN groups ON groups.domain_id = samples.domainId AND groups.counter_id = samples.counterId
LEFT JOIN scopes ON scopes.domain_id = samples.domainId AND scopes.scope_id = groups.scope_id
UNION ALL
SELECT
    "end",
    "end" - start,
    'nic',
    coalesce(cards.name, 'card ' || globalId) || coalesce(' port ' || portId, ''),
    NULL,
    coalesce(network_metrics.name, 'metric ' || metricsIdx),
    network_metrics.unit,
    value
FROM raw_NET_NIC_METRIC
LEFT JOIN cards USING (globalId)
LEFT JOIN network_metrics USING (metricsListId, metricsIdx)
UNION ALL
SELECT
    "end",
    "end" - start,
    'ib_switch',
    coalesce(switches.name, 'switch ' || globalId) || coalesce(' port ' || portId, ''),
    NULL,
    coalesce(network_metrics.name, 'metric ' || metricsIdx),
    network_metrics.unit,
    value
FROM raw_NET_IB_SWITCH_METRIC
LEFT JOIN switches ON switches.guid = globalId
LEFT JOIN network_metrics USING (metricsListId, metricsIdx)
UNION ALL
SELECT timestamp, NULL, 'soc', NULL, NULL, coalesce(soc_names.metric, 'metric ' || metricId), soc_names.unit,
       value
FROM raw_SOC_METRICS
LEFT JOIN soc_names USING (typeId, metricId)
UNION ALL
SELECT "end", "end" - start, 'cpu', 'CPU ' || cpu,
       NULL, coalesce(cpu_counters.name, 'counter ' || counted.idx), NULL, counted.value
FROM raw_PMU_EVENTS
JOIN raw_PMU_EVENT_COUNTERS AS counted ON counted.id = counter_id
LEFT JOIN cpu_counters ON cpu_counters.id = counted.idx
UNION ALL
SELECT "end", "end" - start, 'cpu', 'cluster ' || clusterId, NULL, 'uncore event ' || rawId, NULL,
       counted.value
FROM raw_UNCORE_PMU_EVENTS
JOIN (SELECT id, rawId, value FROM raw_UNCORE_PMU_EVENT_VALUES) AS counted ON counted.id = counterId
UNION ALL
SELECT "end", "end" - start, CASE components.name WHEN 'Operating System' THEN 'os' ELSE 'soc' END,
       coalesce(components.name, 'component ' || componentId), NULL,
       coalesce(perf_metrics.name, kind || metric_id), perf_metrics.unit, value
FROM perf
LEFT JOIN components ON component_id = componentId
LEFT JOIN perf_metrics ON perf_metrics.id = metric_id
UNION ALL
-- Of each client of the memory controller.
SELECT "end", "end" - start, 'soc', 'client ' || used.idx, NULL, 'bandwidth usage', NULL, used.value
FROM raw_BANDWIDTH_USAGE_EVENTS
JOIN raw_BANDWIDTH_USAGE_VALUES AS used ON used.id = valuesId
UNION ALL
SELECT timestamp, NULL, 'wddm',
       'process ' || (globalTid >> 24 & 16777215) || ' segment group ' || segmentGroup,
       gpu, 'memory usage', 'bytes', newUsage
FROM raw_GPU_MEMORY_USAGE_EVENTS
UNION ALL
SELECT timestamp, NULL, 'wddm',
       'process ' || (globalTid >> 24 & 16777215) || ' segment group ' || segmentGroup,
       gpu, 'memory budget', 'bytes', newBudget
FROM raw_GPU_MEMORY_BUDGET_EVENTS
UNION ALL
SELECT timestamp, NULL, 'wddm', 'segment group ' || segmentGroup || ' segment ' || segmentId,
       gpu, 'memory resident', 'bytes', totalBytesResident
FROM raw_TOTAL_BYTES_RESIDENT_IN_SEGMENT_EVENTS
UNION ALL
SELECT timestamp, NULL, 'wddm', NULL, gpu, 'memory demoted', 'bytes', commitment
FROM raw_DEMOTED_BYTES_EVENTS;

INSERT INTO counter_samples BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    at_ns - getvariable('origin_ns') AS time_ns,
    span_ns,
    source,
    device,
    gpu_id,
    metric,
    unit,
    value
FROM read_counters
ORDER BY time_ns, source, device, metric
