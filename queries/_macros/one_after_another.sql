-- Stretches of time of which those that overlap in a lane count once: what each adds to those before it.
--
-- Columns: those of the stretches; from_ns is moved behind what was before, to to_ns where nothing is left.
-- @param  stretches TABLE  rows with from_ns, to_ns, lane, and number, which tells apart those of equal times

SELECT
    * EXCLUDE (_earlier_until_ns)
    REPLACE (least(greatest(from_ns, coalesce(_earlier_until_ns, from_ns)), to_ns) AS from_ns)
FROM (
    SELECT *, busy_until(from_ns, to_ns, number, lane) AS _earlier_until_ns
    FROM query_table(stretches)
)
