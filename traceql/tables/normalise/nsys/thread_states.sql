-- One row per event of the scheduler: from when a thread was put on a CPU or taken off it until the next one.
--
-- Two alike in a row have lost what was between them. Who was woken by whom nsys does not record. States are
-- those of the export's table ENUM_SAMPLING_THREAD_STATE, reasons those of ENUM_SCHEDULING_THREAD_BLOCK.
-- @raw   SCHED_EVENTS
-- @reads start       BIGINT
-- @reads cpu         INTEGER
-- @reads isSchedIn   INTEGER
-- @reads globalTid   BIGINT
-- @reads threadState INTEGER
-- @reads threadBlock INTEGER
-- @of    SCHED_EVENTS
-- @fills thread_states = SCHED_EVENTS

INSERT INTO thread_states BY NAME
WITH states(id, label) AS (
    VALUES
        (0, NULL), (1, 'Running'), (2, 'Interruptible'), (3, 'Uninterruptible'), (4, 'Stopped'),
        (5, 'Terminated'), (6, 'Unscheduled'), (7, 'Waiting'), (8, 'OS runtime'), (9, 'Initialized'),
        (10, 'Transition')
),
reasons(id, label) AS (
    VALUES
        (0, 'NonBlocked'), (1, NULL), (2, 'SigSuspend'), (3, 'Stopped'), (4, 'Nanosleep'), (5,
        'Intr'), (6, 'Mutex'), (7, 'CondVar'), (8, 'Sem'), (9, 'Join'), (10, 'SigWaitInfo'), (11,
        'WaitCtx'), (12, 'Send'), (13, 'Receive'), (14, 'Reply'), (15, 'Stack'), (16, 'WaitThread'),
        (17, 'WaitPage'), (18, 'NetSend'), (19, 'NetReply'), (20, 'FreePage'), (21, 'PageIn'), (22,
        'PoolAllocation'), (23, 'DelayExecution'), (24, 'Suspended'), (25, 'UserRequest'), (26,
        'EventPair'), (27, 'Queue'), (28, 'LPCReceive'), (29, 'LPCReply'), (30, 'VirtualMemory'),
        (31, 'PageOut'), (32, 'Rendezvous'), (33, 'KeyedEvent'), (34, 'Terminated'), (35,
        'ProcessInSwap'), (36, 'CPURateControl'), (37, 'WrCalloutStack'), (38, 'Kernel'), (39,
        'Resource'), (40, 'PushLock'), (41, 'WindowsMutex'), (42, 'QuantumEnd'), (43,
        'DispatchInt'), (44, 'Preempted'), (45, 'YieldExecution'), (46, 'FastMutex'), (47,
        'GuardedMutex'), (48, 'Rundown'), (49, 'ReadyToRun'), (50, 'AlertByThreadId'), (51,
        'DeferredPreempt'), (52, 'PhysicalFault')
),
events AS (
    SELECT
        row_number() OVER () AS place,
        start - getvariable('origin_ns') AS start_ns,
        isSchedIn <> 0 AS is_in,
        *
    FROM raw_SCHED_EVENTS
),
followed AS (
    SELECT
        *,
        CASE WHEN lead(is_in) OVER by_thread <> is_in AND NOT (NOT is_in AND coalesce(threadState = 5, false))
             THEN lead(start_ns) OVER by_thread END AS end_ns
    FROM events
    WINDOW by_thread AS (PARTITION BY globalTid ORDER BY start_ns, place)
)
SELECT
    getvariable('trace_id') AS trace_id,
    start_ns,
    end_ns,
    end_ns - start_ns AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    is_in AS is_on_cpu,
    cpu AS cpu_id,
    CASE WHEN NOT is_in THEN states.label END AS thread_state,
    reasons.label AS wait_reason
FROM followed
LEFT JOIN states ON states.id = threadState
LEFT JOIN reasons ON reasons.id = threadBlock AND NOT is_in
ORDER BY start_ns, place
