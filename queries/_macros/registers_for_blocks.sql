-- The most registers per thread with which an SM holds so many blocks; the inverse of blocks_by_registers.
-- @param  blocks BIGINT           that are to fit
-- @param  warps_per_block BIGINT  warps of a block
-- @param  registers BIGINT        of an SM
-- @param  sub_partitions BIGINT   of an SM

(registers // sub_partitions)
    // nullif((blocks * warps_per_block + sub_partitions - 1) // sub_partitions, 0) // 256 * 8
