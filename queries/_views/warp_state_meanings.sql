-- What a warp does or waits for in each state of ncu's page "Warp State Statistics".
--
-- Source: NVIDIA's Profiling Guide of Nsight Compute, Warp Stall Reasons; said in other words.
-- @column state VARCHAR    as in smsp__average_warps_issue_stalled_STATE_per_issue_active.ratio
-- @column meaning VARCHAR  what it is

SELECT state, meaning
FROM (VALUES
    ('allocation_stall', 'waits for a branch, for memory operations to end, or for a place'),
    ('barrier', 'waits for the other warps of its block, as at __syncthreads()'),
    ('branch_resolving', 'waits for the target of a branch'),
    ('dispatch_stall', 'was chosen, but the dispatcher held it back for a conflict or lack of resources'),
    ('drain', 'has ended and waits for its writes to memory'),
    ('gmma', 'waits for the tensor cores of its warp group (wgmma)'),
    ('imc_miss', 'waits for a constant or immediate that is not in the cache'),
    ('lg_throttle', 'waits for room in the queue of loads and stores to global and local memory'),
    ('long_scoreboard', 'waits for data of global, local, surface or texture memory'),
    ('math_pipe_throttle', 'waits for the arithmetic pipe that its instruction needs'),
    ('membar', 'waits for a memory fence'),
    ('mio_throttle', 'waits for room in the queue of shared memory, special functions and dynamic branches'),
    ('misc', 'waits for something that has no name of its own'),
    ('no_instruction', 'waits for its next instruction: not in the cache, or a jump'),
    ('not_selected', 'could issue, but another warp was chosen'),
    ('selected', 'issues an instruction: no stall'),
    ('short_scoreboard', 'waits for data of shared memory, or for a special function or dynamic branch'),
    ('sleeping', 'sleeps, as told by nanosleep'),
    ('tex_throttle', 'waits for room in the queue of textures and surfaces'),
    ('wait', 'waits for a fixed number of cycles, as most instructions want before the next one')
) AS known (state, meaning)
