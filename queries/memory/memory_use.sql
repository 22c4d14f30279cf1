-- How much memory does each process allocate, when is most of it in use, and what is left at the end?
--
-- A row for each kind of memory, and for what is allocated on a GPU together. In use is what was allocated
-- and not released, as the program asked for it: a framework keeps more than it uses, and the driver's own
-- memory (contexts, code) is not counted. The profiler tells of what was allocated before the recording, too.
-- What is allocated at an address that is in use takes the place of what was there; what is released at one
-- that is not was in use since another one was released there, or from the start.
-- @of     traces
-- @unites trace
-- @needs  memory_events
-- @column trace VARCHAR             name of the trace
-- @column pid BIGINT                process
-- @column gpu_id INTEGER            GPU, see gpus; NULL for static memory, of which nsys does not tell it
-- @column memory_kind VARCHAR       Device, Device Static (modules), Pinned (host) …, or GPU memory
-- @column allocations BIGINT        how many
-- @column releases BIGINT           how many
-- @column allocated_bytes BIGINT    of all allocations
-- @column max_bytes BIGINT          the largest one
-- @column peak_bytes BIGINT         most that was in use at a time
-- @column peak_ns BIGINT            when that was so first, from the trace's start
-- @column peak_pct DOUBLE           that, in percent of the GPU's memory; NULL for memory of the host
-- @column end_bytes BIGINT          in use at the end
-- @column lacks VARCHAR             what is not known, and why
-- @chart  paired_bars x=memory_kind y=peak_bytes y2=end_bytes
-- @section timeline 45 Memory in use

SELECT
    traces.trace,
    memory_in_use.pid,
    memory_in_use.gpu_id,
    memory_kind,
    count(*) FILTER (operation = 'Allocation') AS allocations,
    count(*) FILTER (operation = 'Deallocation') AS releases,
    coalesce(sum(bytes) FILTER (operation = 'Allocation'), 0)::BIGINT AS allocated_bytes,
    max(bytes) FILTER (operation = 'Allocation') AS max_bytes,
    -- Before its first event in use was what is released without an allocation.
    greatest(max(in_use_bytes), any_value(before_bytes)) AS peak_bytes,
    CASE
        WHEN max(in_use_bytes) > any_value(before_bytes)
        THEN arg_max(time_ns, (in_use_bytes, -memory_event_id))
        ELSE 0
    END AS peak_ns,
    CASE
        WHEN memory_kind IN ('GPU memory', 'Device', 'Array')
        THEN percent(peak_bytes, any_value(memory_bytes))
    END AS peak_pct,
    arg_max(in_use_bytes, memory_event_id) AS end_bytes,
    nullif(concat_ws('; ',
        CASE WHEN bool_or(NOT is_known AND since_event_id IS NULL)
             THEN 'memory that was allocated before the recording, except what is released in it' END,
        CASE WHEN count(replaced_bytes) > 0
             THEN format('when {} of them {} released: until another one is allocated there',
                         count(replaced_bytes), if(count(replaced_bytes) = 1, 'was', 'were')) END,
        CASE WHEN count(since_event_id) FILTER (NOT is_known) > 0
             THEN format('when {} of them {} allocated: since another one was released there',
                         count(since_event_id) FILTER (NOT is_known),
                         if(count(since_event_id) FILTER (NOT is_known) = 1, 'was', 'were')) END
    ), '') AS lacks
FROM memory_in_use
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN gpus ON gpus.trace_id = memory_in_use.trace_id AND gpus.gpu_id = memory_in_use.gpu_id
GROUP BY traces.trace, memory_in_use.process_id, memory_in_use.pid, memory_in_use.gpu_id, memory_kind
ORDER BY traces.trace, pid, process_id, gpu_id, memory_kind <> 'GPU memory', peak_bytes DESC, memory_kind
