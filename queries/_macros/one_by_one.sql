-- What takes turns in lanes, sorted, and until when those before each kept its lane busy.
--
-- Columns: those of `sorted`, and busy_until_ns, as busy_until says; NULL for the first one of a lane.
-- Row after row: what is at the end of one lane is out of reach of the next one, and no BIGINT there.
-- @param  sorted TABLE  in the order of lane (a whole number) and start_ns, with end_ns (known)

WITH placed AS (
    SELECT
        *,
        lane::HUGEINT * 18446744073709551616 AS place,
        lag(place + end_ns) OVER () AS last_ns
    FROM query_table(sorted)
),
reached AS (
    SELECT *, max(last_ns) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - place AS until_ns
    FROM placed
)
SELECT * EXCLUDE (place, last_ns, until_ns), try_cast(until_ns AS BIGINT) AS busy_until_ns FROM reached
