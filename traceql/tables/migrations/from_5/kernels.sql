-- In which green context a kernel ran was not stored, but for the metric of ncu.

SELECT kernels.*, green.green_context_id
FROM old.kernels AS kernels
LEFT JOIN (
    SELECT kernel_id, nullif(max(value), 0)::BIGINT AS green_context_id
    FROM old.metrics
    WHERE metric = 'launch__green_context_id'
    GROUP BY kernel_id
) AS green USING (kernel_id)
