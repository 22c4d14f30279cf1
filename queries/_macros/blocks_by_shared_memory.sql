-- Blocks whose shared memory an SM holds at once.
--
-- From NVIDIA's cuda_occupancy.h; ncu's launch__occupancy_limit_shared_mem. NULL where a block takes none.
-- @param  block_bytes BIGINT     shared memory of a block, static and dynamic
-- @param  reserved_bytes BIGINT  what the system takes of each block
-- @param  unit_bytes BIGINT      a block's shared memory is a multiple of it
-- @param  sm_bytes BIGINT        shared memory of an SM, as configured for the kernel

sm_bytes // nullif((block_bytes + reserved_bytes + unit_bytes - 1) // unit_bytes * unit_bytes, 0)
