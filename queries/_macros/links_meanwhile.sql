-- What links did while something ran, of each owner of runs and each link; what runs together counts once.
--
-- Links of a GPU count for what ran there, network cards for what ran on any GPU of the trace, known or not,
-- and every link for what ran on none, such as a call of MPI. Samples are cut where runs begin and end.
--
-- Columns: owner, link (see link_samples); of the runs that count for the link how many there are, start_ns
-- of the first, message_bytes and sized, how many tell theirs; busy_ns, the time in which at least one of
-- them ran; known_ns, that of which samples tell; amount, rate × time in it; highest, the highest rate of a
-- sample that tells of some of it.
-- @param  running TABLE  rows with owner, trace_id, gpu_id (NULL for none, -1 where it is not known),
--         start_ns, end_ns, message_bytes and run, a number

WITH _running AS (
    FROM query_table(running)
),
links AS (
    SELECT DISTINCT trace_id, gpu_id, link FROM link_samples
),
places AS (
    SELECT DISTINCT trace_id, gpu_id FROM links
),
of_places AS (
    SELECT owner, places.trace_id, places.gpu_id, start_ns, end_ns, message_bytes,
           busy_until(start_ns, end_ns, run, (owner, places.trace_id, places.gpu_id)) AS earlier_until_ns
    FROM _running AS runs
    JOIN places
        ON places.trace_id = runs.trace_id
        AND (places.gpu_id IS NULL OR runs.gpu_id IS NULL OR places.gpu_id = runs.gpu_id)
),
-- What a run adds to the time of those before it; nothing where it lies in them.
pieces AS (
    SELECT owner, link, start_ns, end_ns, message_bytes,
           greatest(start_ns, coalesce(earlier_until_ns, start_ns)) AS begins_ns
    FROM of_places
    JOIN links ON links.trace_id = of_places.trace_id AND links.gpu_id IS NOT DISTINCT FROM of_places.gpu_id
),
told AS (
    SELECT link, place, known_from_ns, known_until_ns, rate
    FROM link_samples
    WHERE known_from_ns < known_until_ns
),
-- The samples of a link follow each other: those of a piece are all from the first to the last one.
reached AS (
    SELECT owner, pieces.link, begins_ns, end_ns, firsts.place AS first_place, lasts.place AS last_place
    FROM pieces
    ASOF JOIN told AS firsts ON firsts.link = pieces.link AND pieces.begins_ns < firsts.known_until_ns
    ASOF JOIN told AS lasts ON lasts.link = pieces.link AND pieces.end_ns > lasts.known_from_ns
    WHERE pieces.begins_ns < pieces.end_ns
),
met AS (
    SELECT owner, link, begins_ns, end_ns, unnest(range(first_place, last_place + 1)) AS place FROM reached
),
known AS (
    SELECT
        owner,
        link,
        sum(least(known_until_ns, end_ns) - greatest(known_from_ns, begins_ns))::BIGINT AS known_ns,
        sum(rate * (least(known_until_ns, end_ns) - greatest(known_from_ns, begins_ns))) AS amount,
        max(rate) AS highest
    FROM met
    JOIN told USING (link, place)
    WHERE known_from_ns < end_ns AND known_until_ns > begins_ns
    GROUP BY owner, link
),
busy AS (
    SELECT
        owner,
        link,
        count(*) AS runs,
        min(start_ns) AS start_ns,
        sum(message_bytes)::BIGINT AS message_bytes,
        count(message_bytes) AS sized,
        sum(greatest(end_ns - begins_ns, 0))::BIGINT AS busy_ns
    FROM pieces
    GROUP BY owner, link
)
SELECT busy.*, coalesce(known_ns, 0) AS known_ns, amount, highest
FROM busy
LEFT JOIN known USING (owner, link)
