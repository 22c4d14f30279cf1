-- Whether ranges hold what was launched by any thread of their process, or what their own thread launched.
-- @param  attribution VARCHAR  thread or process; anything else is an error

CASE attribution
    WHEN 'thread' THEN false
    WHEN 'process' THEN true
    ELSE error('by is thread or process, not ' || coalesce(attribution, 'NULL'))
END
