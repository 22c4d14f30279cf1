-- The most shared memory per block with which an SM holds so many blocks; inverts blocks_by_shared_memory.
-- @param  blocks BIGINT          that are to fit
-- @param  reserved_bytes BIGINT  what the system takes of each block
-- @param  unit_bytes BIGINT      a block's shared memory is a multiple of it
-- @param  sm_bytes BIGINT        shared memory of an SM

sm_bytes // nullif(blocks, 0) // unit_bytes * unit_bytes - reserved_bytes
