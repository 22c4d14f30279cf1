-- Blocks whose registers an SM holds at once: each of its sub-partitions gives a warp multiples of 256.
--
-- From NVIDIA's cuda_occupancy.h; ncu's launch__occupancy_limit_registers.
-- @param  registers_per_thread BIGINT  of the kernel
-- @param  warps_per_block BIGINT       warps of a block
-- @param  registers BIGINT             of an SM
-- @param  sub_partitions BIGINT        of an SM

(registers // sub_partitions) // nullif((32 * registers_per_thread + 255) // 256 * 256, 0) * sub_partitions
    // nullif(warps_per_block, 0)
