-- The product of the six dimensions overflowed; what is new was not stored.

SELECT
    * REPLACE (
        grid_x::BIGINT AS grid_x,
        grid_y::BIGINT AS grid_y,
        grid_z::BIGINT AS grid_z,
        block_x::BIGINT AS block_x,
        block_y::BIGINT AS block_y,
        block_z::BIGINT AS block_z
    ),
    NULL::BIGINT AS executed_shared_bytes,
    NULL::BIGINT AS local_memory_per_thread_bytes,
    NULL::VARCHAR AS launch_type
FROM old.kernels
