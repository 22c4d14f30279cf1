-- For how long a GPU is in each of its states: for each group of rows that differ in nothing else.
--
-- Columns: those of `states` but start_ns, end_ns and state; span_ns, and its parts exposed_ns,
-- overlapped_ns, compute_ns, memory_ns and idle_ns; exposed_pct of the span, hidden_pct of all
-- communication.
-- @param  states TABLE  rows of gpu_states, and the columns to group by

WITH timed AS (
    SELECT * EXCLUDE (start_ns, end_ns), end_ns - start_ns AS time_ns FROM query_table(states)
),
summed AS (
    SELECT
        * EXCLUDE (state, time_ns),
        sum(time_ns)::BIGINT AS span_ns,
        coalesce(sum(time_ns) FILTER (state = 'exposed'), 0)::BIGINT AS exposed_ns,
        coalesce(sum(time_ns) FILTER (state = 'overlapped'), 0)::BIGINT AS overlapped_ns,
        coalesce(sum(time_ns) FILTER (state = 'compute'), 0)::BIGINT AS compute_ns,
        coalesce(sum(time_ns) FILTER (state = 'memory'), 0)::BIGINT AS memory_ns,
        coalesce(sum(time_ns) FILTER (state = 'idle'), 0)::BIGINT AS idle_ns
    FROM timed
    GROUP BY ALL
)
SELECT
    *,
    percent(exposed_ns, span_ns) AS exposed_pct,
    percent(overlapped_ns, exposed_ns + overlapped_ns) AS hidden_pct
FROM summed
