-- Events of OpenMP, and what it tells of each.
--
-- They are those of OMPT, the tools interface of OpenMP 5.0, whose enumerations the labels are. A task that
-- is scheduled comes with the one that it is scheduled in place of.
-- @raw   OPENMP_EVENT_KIND_THREAD
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads threadType BIGINT
-- @raw   OPENMP_EVENT_KIND_PARALLEL
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads globalTid    BIGINT
-- @reads nameId       BIGINT
-- @reads parallelId   BIGINT
-- @reads parentTaskId BIGINT
-- @raw   OPENMP_EVENT_KIND_SYNC_REGION_WAIT
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @reads kind       BIGINT
-- @raw   OPENMP_EVENT_KIND_SYNC_REGION
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @reads kind       BIGINT
-- @raw   OPENMP_EVENT_KIND_TASK
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @reads kind       BIGINT
-- @raw   OPENMP_EVENT_KIND_MASTER
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @raw   OPENMP_EVENT_KIND_REDUCTION
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @raw   OPENMP_EVENT_KIND_TASK_CREATE
-- @reads start        BIGINT
-- @reads end          BIGINT
-- @reads globalTid    BIGINT
-- @reads nameId       BIGINT
-- @reads parentTaskId BIGINT
-- @reads newTaskId    BIGINT
-- @raw   OPENMP_EVENT_KIND_TASK_SCHEDULE
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads globalTid   BIGINT
-- @reads nameId      BIGINT
-- @reads parallelId  BIGINT
-- @reads priorTaskId BIGINT
-- @reads nextTaskId  BIGINT
-- @raw   OPENMP_EVENT_KIND_CANCEL
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads taskId    BIGINT
-- @raw   OPENMP_EVENT_KIND_MUTEX_WAIT
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads kind      BIGINT
-- @reads waitId    BIGINT
-- @reads taskId    BIGINT
-- @raw   OPENMP_EVENT_KIND_CRITICAL_SECTION
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads kind      BIGINT
-- @reads waitId    BIGINT
-- @raw   OPENMP_EVENT_KIND_MUTEX_RELEASED
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads kind      BIGINT
-- @reads waitId    BIGINT
-- @reads taskId    BIGINT
-- @raw   OPENMP_EVENT_KIND_LOCK_INIT
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads kind      BIGINT
-- @reads waitId    BIGINT
-- @raw   OPENMP_EVENT_KIND_LOCK_DESTROY
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @reads kind      BIGINT
-- @reads waitId    BIGINT
-- @raw   OPENMP_EVENT_KIND_WORKSHARE
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads kind       BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @reads count      BIGINT
-- @raw   OPENMP_EVENT_KIND_DISPATCH
-- @reads start      BIGINT
-- @reads end        BIGINT
-- @reads globalTid  BIGINT
-- @reads nameId     BIGINT
-- @reads kind       BIGINT
-- @reads parallelId BIGINT
-- @reads taskId     BIGINT
-- @raw   OPENMP_EVENT_KIND_FLUSH
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads nameId    BIGINT
-- @of    OPENMP_EVENT_KIND_THREAD OPENMP_EVENT_KIND_PARALLEL OPENMP_EVENT_KIND_SYNC_REGION_WAIT
--        OPENMP_EVENT_KIND_SYNC_REGION OPENMP_EVENT_KIND_TASK OPENMP_EVENT_KIND_MASTER
--        OPENMP_EVENT_KIND_REDUCTION OPENMP_EVENT_KIND_TASK_CREATE OPENMP_EVENT_KIND_TASK_SCHEDULE
--        OPENMP_EVENT_KIND_CANCEL OPENMP_EVENT_KIND_MUTEX_WAIT OPENMP_EVENT_KIND_CRITICAL_SECTION
--        OPENMP_EVENT_KIND_MUTEX_RELEASED OPENMP_EVENT_KIND_LOCK_INIT OPENMP_EVENT_KIND_LOCK_DESTROY
--        OPENMP_EVENT_KIND_WORKSHARE OPENMP_EVENT_KIND_DISPATCH OPENMP_EVENT_KIND_FLUSH
-- @fills library_calls = openmp_events
-- @fills directives = openmp_events

CREATE TEMP TABLE openmp_events AS
WITH told AS (
    SELECT 'thread' AS call_class, start, "end", globalTid, nameId, 'thread' AS kinds_of,
           threadType AS kind_id, NULL::BIGINT AS parallel_id, NULL::BIGINT AS task_id,
           NULL::BIGINT AS parent_task_id, NULL::BIGINT AS wait_id, NULL::BIGINT AS iterations
    FROM raw_OPENMP_EVENT_KIND_THREAD
    UNION ALL
    SELECT 'parallel', start, "end", globalTid, nameId, NULL, NULL, parallelId, NULL, parentTaskId, NULL,
           NULL
    FROM raw_OPENMP_EVENT_KIND_PARALLEL
    UNION ALL
    SELECT 'sync_region_wait', start, "end", globalTid, nameId, 'sync', kind, parallelId, taskId, NULL,
           NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_SYNC_REGION_WAIT
    UNION ALL
    SELECT 'sync_region', start, "end", globalTid, nameId, 'sync', kind, parallelId, taskId, NULL, NULL,
           NULL
    FROM raw_OPENMP_EVENT_KIND_SYNC_REGION
    UNION ALL
    SELECT 'task', start, "end", globalTid, nameId, 'task', kind, parallelId, taskId, NULL, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_TASK
    UNION ALL
    SELECT 'master', start, "end", globalTid, nameId, NULL, NULL, parallelId, taskId, NULL, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_MASTER
    UNION ALL
    SELECT 'reduction', start, "end", globalTid, nameId, NULL, NULL, parallelId, taskId, NULL, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_REDUCTION
    UNION ALL
    SELECT 'task_create', start, "end", globalTid, nameId, NULL, NULL, NULL, newTaskId, parentTaskId, NULL,
           NULL
    FROM raw_OPENMP_EVENT_KIND_TASK_CREATE
    UNION ALL
    SELECT 'task_schedule', start, "end", globalTid, nameId, NULL, NULL, parallelId, nextTaskId,
           priorTaskId, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_TASK_SCHEDULE
    UNION ALL
    SELECT 'cancel', start, "end", globalTid, nameId, NULL, NULL, NULL, taskId, NULL, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_CANCEL
    UNION ALL
    SELECT 'mutex_wait', start, "end", globalTid, nameId, 'mutex', kind, NULL, taskId, NULL, waitId, NULL
    FROM raw_OPENMP_EVENT_KIND_MUTEX_WAIT
    UNION ALL
    SELECT 'critical_section', start, "end", globalTid, nameId, 'mutex', kind, NULL, NULL, NULL, waitId,
           NULL
    FROM raw_OPENMP_EVENT_KIND_CRITICAL_SECTION
    UNION ALL
    SELECT 'mutex_released', start, "end", globalTid, nameId, 'mutex', kind, NULL, taskId, NULL, waitId,
           NULL
    FROM raw_OPENMP_EVENT_KIND_MUTEX_RELEASED
    UNION ALL
    SELECT 'lock_init', start, "end", globalTid, nameId, 'mutex', kind, NULL, NULL, NULL, waitId, NULL
    FROM raw_OPENMP_EVENT_KIND_LOCK_INIT
    UNION ALL
    SELECT 'lock_destroy', start, "end", globalTid, nameId, 'mutex', kind, NULL, NULL, NULL, waitId, NULL
    FROM raw_OPENMP_EVENT_KIND_LOCK_DESTROY
    UNION ALL
    SELECT 'workshare', start, "end", globalTid, nameId, 'work', kind, parallelId, taskId, NULL, NULL,
           count
    FROM raw_OPENMP_EVENT_KIND_WORKSHARE
    UNION ALL
    SELECT 'dispatch', start, "end", globalTid, nameId, 'dispatch', kind, parallelId, taskId, NULL, NULL,
           NULL
    FROM raw_OPENMP_EVENT_KIND_DISPATCH
    UNION ALL
    SELECT 'flush', start, "end", globalTid, nameId, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM raw_OPENMP_EVENT_KIND_FLUSH
)
SELECT
    -- Behind those of other libraries.
    (
        SELECT coalesce(max(library_call_id), getvariable('trace_id') << 32)
        FROM library_calls
        WHERE trace_id = getvariable('trace_id')
    ) + row_number() OVER (
        ORDER BY start, globalTid, call_class, name, "end", kind_id, parallel_id, task_id, wait_id
    ) AS library_call_id,
    *
FROM (SELECT told.*, strings.value AS name FROM told LEFT JOIN strings ON strings.id = nameId);

INSERT INTO library_calls BY NAME
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    'OpenMP' AS library,
    call_class,
    name,
    started.start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    range_timeline.range_id
FROM (SELECT *, start - getvariable('origin_ns') AS start_ns FROM openmp_events) AS started
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = globalTid AND range_timeline.at_ns <= started.start_ns
ORDER BY library_call_id;

INSERT INTO directives BY NAME
WITH labels(kinds_of, id, label) AS (
    VALUES ('thread', 1, 'Initial'), ('thread', 2, 'Worker'), ('thread', 3, 'Internal'),
           ('thread', 4, 'Unknown'), ('dispatch', 1, 'Iteration'), ('dispatch', 2, 'Section'),
           ('sync', 1, 'Barrier'), ('sync', 2, 'Implicit barrier'), ('sync', 3, 'Explicit barrier'),
           ('sync', 4, 'Implementation barrier'), ('sync', 5, 'Task wait'), ('sync', 6, 'Task group'),
           ('sync', 7, 'Reduction'), ('work', 1, 'Loop region'), ('work', 2, 'Sections region'),
           ('work', 3, 'Single region executor'), ('work', 4, 'Single region waiting'),
           ('work', 5, 'Workshare region'), ('work', 6, 'Distribute region'), ('work', 7, 'Task loop region'),
           ('mutex', 1, 'Wait for lock'), ('mutex', 2, 'Testing lock'), ('mutex', 3, 'Wait for nested lock'),
           ('mutex', 4, 'Testing nested lock'), ('mutex', 5, 'Wait for critical section entry'),
           ('mutex', 6, 'Wait for atomic region entry'), ('mutex', 7, 'Wait for ordered region entry')
),
-- A task is of one kind, with properties: bits of one number.
flags(bit, label) AS (
    VALUES (1, 'Initial'), (2, 'Implicit'), (4, 'Explicit'), (8, 'Target'), (134217728, 'Undeferred'),
           (268435456, 'Untied'), (536870912, 'Final'), (1073741824, 'Mergeable'), (2147483648, 'Merged')
),
tasks AS (
    SELECT kind_id, string_agg(label, ', ' ORDER BY bit) AS label
    FROM (SELECT DISTINCT kind_id FROM openmp_events WHERE kinds_of = 'task')
    JOIN flags ON kind_id & bit <> 0
    GROUP BY kind_id
)
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    coalesce(labels.label, tasks.label, 'Unknown (' || openmp_events.kind_id || ')') AS directive_kind,
    parallel_id,
    task_id,
    parent_task_id,
    wait_id,
    iterations
FROM openmp_events
LEFT JOIN labels ON labels.kinds_of = openmp_events.kinds_of AND labels.id = openmp_events.kind_id
LEFT JOIN tasks ON openmp_events.kinds_of = 'task' AND tasks.kind_id = openmp_events.kind_id
ORDER BY library_call_id
