-- Until when a GPU, a stream or a lane is busy with all that began before an event; NULL for its first one.
--
-- Until the last of them ends, not only the one before: a short kernel can begin and end during a long one.
-- Where busy_until is after the event's start, they overlap; where it is before, nothing ran between.
-- @param  start_ns BIGINT  when the event begins
-- @param  end_ns BIGINT    when it ends
-- @param  event ANY        tells apart events of equal times: an id, or (kind, id)
-- @param  lane ANY         what can be busy: (trace_id, gpu_id) for a GPU

max(end_ns) OVER (
    PARTITION BY lane ORDER BY start_ns, end_ns, event ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
)
