-- Runs measured outside the profilers, by the names under which questions compare them without a trace.
--
-- A run is called as its sweep, where all runs of that have the same tags; else SWEEP:VALUES, with the values
-- of the tags in which they differ, in the order of the tags' names and with / between them; where others
-- have the same values of other tags, each as TAG=VALUE. Runs of one name are repetitions. Batches are parts
-- of a run, and a trace's sidecar is that trace's.
-- @needs  runs
-- @column run_id BIGINT              the run, see runs
-- @column side_id BIGINT             of the name: negative, where ids of traces are positive
-- @column name VARCHAR               the name
-- @column sweep VARCHAR              label of the imported file
-- @column tags MAP(VARCHAR, VARCHAR)  what the run was; the same for all runs of the name

WITH whole AS (
    SELECT run_id, sweep, tags
    FROM runs
    WHERE format <> 'sidecar' AND coalesce(tags['scope'], '') <> 'batch'
),
entries AS (
    SELECT run_id, sweep, tag.key AS tag, tag.value AS value
    FROM (SELECT run_id, sweep, unnest(map_entries(tags)) AS tag FROM whole)
),
differing AS (
    SELECT sweep, tag
    FROM entries
    JOIN (SELECT sweep, count(*) AS runs FROM whole GROUP BY sweep) AS sizes USING (sweep)
    GROUP BY sweep, tag
    -- A tag that only some of the runs have tells them apart, too.
    HAVING count(DISTINCT value) > 1 OR count(*) < any_value(runs)
),
labelled AS (
    SELECT
        run_id,
        string_agg(value, '/' ORDER BY tag) AS label,
        string_agg(tag || '=' || value, '/' ORDER BY tag) AS label_with_tags
    FROM entries
    JOIN differing USING (sweep, tag)
    GROUP BY run_id
),
named AS (
    SELECT
        run_id,
        sweep || coalesce(':' || if(is_told, label, label_with_tags), '') AS name,
        sweep,
        tags
    FROM (
        SELECT *, min(label_with_tags) OVER alike = max(label_with_tags) OVER alike AS is_told
        FROM whole
        LEFT JOIN labelled USING (run_id)
        WINDOW alike AS (PARTITION BY sweep, label)
    )
)
SELECT run_id, -min(run_id) OVER (PARTITION BY sweep, name) AS side_id, name, sweep, tags
FROM named
