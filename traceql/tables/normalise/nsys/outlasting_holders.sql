-- The ranges of calls that go on after the end of the one in which they start.
--
-- A range holds a call that lies inside it from start to end, as in nsys's reports. The range of such a call
-- is the innermost one that does: of those that are open at its start and end no sooner, the one that started
-- last.
-- @when  outlasting
-- @fills range_calls

-- Where no ranges cross, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS beside_timeline (thread BIGINT, at_ns BIGINT, ranges BIGINT[]);

CREATE TEMP TABLE outlasting_holders AS
WITH open_ranges AS (
    SELECT api_call_id, end_ns, ancestor_id AS range_id
    FROM outlasting
    JOIN range_climbs USING (range_id)
    UNION ALL
    SELECT api_call_id, end_ns, unnest(ranges)
    FROM outlasting
    ASOF JOIN beside_timeline
        ON beside_timeline.thread = outlasting.thread AND beside_timeline.at_ns <= outlasting.start_ns
)
SELECT
    api_call_id,
    range_id,
    row_number() OVER (
        PARTITION BY api_call_id
        ORDER BY stacked_ranges.start_ns DESC, stacked_ranges.end_ns, range_id DESC
    ) = 1 AS is_innermost
FROM open_ranges
JOIN stacked_ranges USING (range_id)
WHERE open_ranges.end_ns <= stacked_ranges.end_ns;

UPDATE api_calls SET range_id = holders.range_id
FROM (
    SELECT api_call_id, innermost.range_id
    FROM outlasting
    LEFT JOIN (FROM outlasting_holders WHERE is_innermost) AS innermost USING (api_call_id)
) AS holders
WHERE api_calls.api_call_id = holders.api_call_id;

-- Those that cross it hold the call beside it.
INSERT INTO range_calls BY NAME
SELECT getvariable('trace_id') AS trace_id, holders.range_id, api_call_id
FROM outlasting_holders AS holders
JOIN api_calls USING (api_call_id)
LEFT JOIN range_climbs
    ON range_climbs.range_id = api_calls.range_id AND range_climbs.ancestor_id = holders.range_id
WHERE range_climbs.range_id IS NULL
