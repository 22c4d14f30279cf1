-- Ranges without GPU work of their own thread, during which others of the process launched some, had none; now
-- theirs is unknown.

SELECT * REPLACE (
    CASE WHEN gpu_operations > 0 OR style = 'mark' OR NOT launched THEN gpu_operations END AS gpu_operations,
    CASE WHEN gpu_operations > 0 OR style = 'mark' OR NOT launched THEN launches END AS launches
)
