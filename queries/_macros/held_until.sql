-- Until when something that began before an event, or with it and for longer, goes on; NULL for the first.
--
-- As busy_until, but for what can lie in each other, as calls and ranges do: of events that begin together
-- the longer one holds the others.
-- @param  start_ns BIGINT  when the event begins
-- @param  end_ns BIGINT    when it ends
-- @param  event ANY        tells apart events of equal times: an id
-- @param  lane ANY         in what they lie: a thread

max(end_ns) OVER (
    PARTITION BY lane ORDER BY start_ns, end_ns DESC, event ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
)
