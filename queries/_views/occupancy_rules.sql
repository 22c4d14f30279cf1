-- What an SM holds, and in which units it gives it to blocks.
--
-- Sources: CUDA C++ Programming Guide, Technical Specifications per Compute Capability (warps, blocks,
-- registers, shared memory of an SM); NVIDIA's cuda_occupancy.h (units of allocation, four sub-partitions
-- from 5.0 on, but two of 6.0, 1,024 bytes that the system takes of each block's shared memory from 8.0 on).
-- Held by tests to what ncu computed. Of 11.0 (10.1 before CUDA 13) and 12.1, warps and blocks are what ptxas
-- of CUDA 13 lets .minnctapersm ask for, blocks and shared memory those of cuda_occupancy.h.
-- @column compute_capability VARCHAR  for example 9.0
-- @column max_warps BIGINT            warps
-- @column max_blocks BIGINT           thread blocks
-- @column registers BIGINT            registers of 32 bits
-- @column sub_partitions BIGINT       parts of an SM, each with as many of the registers
-- @column sm_shared_bytes BIGINT      most shared memory
-- @column shared_unit_bytes BIGINT    a block's shared memory is a multiple of it
-- @column reserved_bytes BIGINT       shared memory of each block that the system takes

SELECT
    compute_capability,
    max_warps::BIGINT AS max_warps,
    max_blocks::BIGINT AS max_blocks,
    65536::BIGINT AS registers,
    if(compute_capability = '6.0', 2, 4)::BIGINT AS sub_partitions,
    (1024 * shared_kib)::BIGINT AS sm_shared_bytes,
    if(major < 8, 256, 128)::BIGINT AS shared_unit_bytes,
    if(major < 8, 0, 1024)::BIGINT AS reserved_bytes
FROM (VALUES
    ('5.0', 5, 64, 32, 64), ('5.2', 5, 64, 32, 96), ('5.3', 5, 64, 32, 64),
    ('6.0', 6, 64, 32, 64), ('6.1', 6, 64, 32, 96), ('6.2', 6, 64, 32, 64),
    ('7.0', 7, 64, 32, 96), ('7.2', 7, 64, 32, 96), ('7.5', 7, 32, 16, 64),
    ('8.0', 8, 64, 32, 164), ('8.6', 8, 48, 16, 100), ('8.7', 8, 48, 16, 164), ('8.9', 8, 48, 24, 100),
    ('9.0', 9, 64, 32, 228), ('10.0', 10, 64, 32, 228), ('10.1', 10, 48, 24, 228), ('10.3', 10, 64, 32, 228),
    ('11.0', 11, 48, 24, 228), ('12.0', 12, 48, 24, 100), ('12.1', 12, 48, 24, 100)
) AS known (compute_capability, major, max_warps, max_blocks, shared_kib)
