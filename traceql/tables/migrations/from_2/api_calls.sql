-- Processes were known by their pids alone, and what ended before it started had a negative duration.

SELECT
    * REPLACE (
        CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns,
        CASE WHEN end_ns >= start_ns THEN duration_ns END AS duration_ns
    ),
    pid AS process_id
FROM old.api_calls
