-- Operations as they lie in storage: how long after the end of the one before each begins, if it follows it.
--
-- Columns: those of the operations, and gap_ns: negative where they overlap; NULL where the row before is of
-- another block or lane, or begins or ends later. Row after row, which sorts and keeps nothing.
-- @param  stored TABLE  with block and lane (whole numbers), start_ns and end_ns (known)

SELECT
    *,
    CASE
        WHEN lag(block) OVER () = block
            AND lag(lane) OVER () = lane
            AND lag(start_ns) OVER () <= start_ns
            AND lag(end_ns) OVER () <= end_ns
        THEN start_ns - lag(end_ns) OVER ()
    END AS gap_ns
FROM query_table(stored)
