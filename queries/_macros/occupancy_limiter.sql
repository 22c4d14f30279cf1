-- What lets no more blocks on an SM: all whose limit is that of the blocks that fit; NULL if not known.
-- @param  blocks BIGINT               that fit
-- @param  limit_registers BIGINT      blocks that an SM holds by registers
-- @param  limit_shared_memory BIGINT  by shared memory; NULL if a block takes none
-- @param  limit_warps BIGINT          by warps
-- @param  limit_blocks BIGINT         by blocks
-- @param  limit_barriers BIGINT       by barriers; NULL if not known

nullif(concat_ws(
    ', ',
    if(limit_registers = blocks, 'registers', NULL),
    if(limit_shared_memory = blocks, 'shared_memory', NULL),
    if(limit_warps = blocks, 'warps', NULL),
    if(limit_blocks = blocks, 'blocks', NULL),
    if(limit_barriers = blocks, 'barriers', NULL)
), '')
