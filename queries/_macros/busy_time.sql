-- For how long operations keep something busy together; NULL where no end of them is known.
-- @param  start_ns BIGINT       when each begins
-- @param  end_ns BIGINT         when it ends
-- @param  busy_until_ns BIGINT  until when those before it kept it busy, see busy_until

(
    sum(greatest(0, end_ns - greatest(start_ns, coalesce(busy_until_ns, start_ns))))
        FILTER (end_ns IS NOT NULL)
)::BIGINT
