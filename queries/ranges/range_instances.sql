-- What does the slowest instance of an NVTX range do on the GPU that a usual one does not?
--
-- Of each range its longest instance, from the first start to the last end of what it launched, beside the
-- usual one, which is that of the median (of an even number the shorter of both). Every kernel, copy, memset
-- and whole graph that either launched is a row, and what is left is idle: the time in which nothing of the
-- range ran. Operations may run side by side, so that they add up to more than the span. First come the
-- ranges whose slow instances cost most, see range-percentiles, and of a range what differs most.
-- @of     timeline
-- @unites trace
-- @param  range VARCHAR = '*'         only ranges of this name or pattern
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  exact BOOLEAN = true        keep texts apart that differ in numbers alone
-- @param  ranges BIGINT = 1           ranges per trace; NULL for all
-- @param  limit BIGINT = 20           rows per range; NULL for all
-- @needs  nvtx_ranges
-- @needs  timeline
-- @column trace VARCHAR               name of the trace
-- @column domain VARCHAR              NVTX domain; empty for the default one
-- @column range VARCHAR               NVTX message
-- @column style VARCHAR               pushpop or startend
-- @column instances BIGINT            how often it ran with GPU work
-- @column slowest_start_ns BIGINT     when the GPU work of the slowest instance starts
-- @column slowest_span_ns BIGINT      from there to its end
-- @column usual_start_ns BIGINT       when that of the usual one starts
-- @column usual_span_ns BIGINT        from there to its end
-- @column kind VARCHAR                kernel, memcpy, memset, graph or idle
-- @column operation VARCHAR           name of the kernel, or label of what ran; idle
-- @column slowest_operations BIGINT   how often it ran in the slowest instance; NULL of idle
-- @column usual_operations BIGINT     how often in the usual one; NULL of idle
-- @column slowest_ns BIGINT           its time in the slowest instance
-- @column usual_ns BIGINT             its time in the usual one
-- @column delta_ns BIGINT             slowest minus usual
-- @column slowest_range_id BIGINT     the slowest instance, see nvtx_ranges
-- @column usual_range_id BIGINT       the usual one
-- @chart  side_bars x=operation y=slowest_ns y2=usual_ns total=slowest_span_ns total2=usual_span_ns
--         panel=range
-- @title  slowest_ns Slowest instance
-- @title  usual_ns Usual instance
-- @empty  No such range ran twice with GPU work: compare with the query nvtx-gpu-proj-sum.

WITH timed AS (
    SELECT
        trace,
        domain,
        range_called(text, $exact) AS range,
        style,
        range_id,
        gpu_start_ns AS start_ns,
        gpu_end_ns - gpu_start_ns AS span_ns,
        gpu_busy_ns,
        count(*) OVER same_range AS instances,
        median(gpu_end_ns - gpu_start_ns) OVER same_range AS median_ns
    FROM ranges_with_work('nvtx_ranges', $by)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE style <> 'mark' AND is_like(coalesce(text, ''), $range) AND gpu_operations > 0
    WINDOW same_range AS (PARTITION BY trace, domain, range_called(text, $exact), style)
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY trace, domain, range, style ORDER BY span_ns, range_id DESC) AS place
    FROM timed
    WHERE instances > 1
),
pairs AS (
    SELECT
        trace,
        domain,
        range,
        style,
        instances,
        sum(greatest(span_ns - median_ns, 0)) AS tail_ns,
        max(range_id) FILTER (place = instances) AS slowest_range_id,
        max(start_ns) FILTER (place = instances) AS slowest_start_ns,
        max(span_ns) FILTER (place = instances) AS slowest_span_ns,
        max(range_id) FILTER (place = (instances + 1) // 2) AS usual_range_id,
        max(start_ns) FILTER (place = (instances + 1) // 2) AS usual_start_ns,
        max(span_ns) FILTER (place = (instances + 1) // 2) AS usual_span_ns
    FROM ranked
    GROUP BY trace, domain, range, style, instances
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY tail_ns DESC, domain, range, style), $ranges
    )
),
compared AS (
    SELECT unnest([slowest_range_id, usual_range_id]) AS range_id FROM pairs
),
work AS (
    SELECT kind, operation, full_name, duration_ns, api_call_id, range_id FROM gpu_operations
),
done AS (
    SELECT
        holder_id,
        kind,
        coalesce(called, operation) AS operation,
        count(*) AS operations,
        sum(duration_ns) AS gpu_ns
    FROM work_in_ranges('compared', 'work', $by) AS held
    LEFT JOIN kernels_called($names, '*') AS named
        ON kind = 'kernel' AND named.name = operation AND named.full_name = held.full_name
    GROUP BY ALL
    UNION ALL
    SELECT range_id, 'idle', 'idle', NULL, span_ns - gpu_busy_ns
    FROM ranked
    SEMI JOIN compared USING (range_id)
),
sides AS (
    SELECT
        pairs.*,
        kind,
        operation,
        sum(if(holder_id = slowest_range_id, operations, 0))::BIGINT AS slowest_operations,
        sum(if(holder_id = usual_range_id, operations, 0))::BIGINT AS usual_operations,
        sum(if(holder_id = slowest_range_id, gpu_ns, 0))::BIGINT AS slowest_ns,
        sum(if(holder_id = usual_range_id, gpu_ns, 0))::BIGINT AS usual_ns
    FROM pairs
    JOIN done ON holder_id IN (slowest_range_id, usual_range_id)
    GROUP BY ALL
)
SELECT
    trace,
    domain,
    range,
    style,
    instances,
    slowest_start_ns,
    slowest_span_ns,
    usual_start_ns,
    usual_span_ns,
    kind,
    operation,
    if(kind = 'idle', NULL, slowest_operations) AS slowest_operations,
    if(kind = 'idle', NULL, usual_operations) AS usual_operations,
    slowest_ns,
    usual_ns,
    slowest_ns - usual_ns AS delta_ns,
    slowest_range_id,
    usual_range_id
FROM sides
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY trace, domain, range, style ORDER BY abs(slowest_ns - usual_ns) DESC, kind, operation
    ),
    $limit
)
ORDER BY trace, tail_ns DESC, domain, range, style, abs(slowest_ns - usual_ns) DESC, kind, operation
