-- What each pipe of an SM executes, by the name that its metrics have.
--
-- Source: NVIDIA's Profiling Guide of Nsight Compute, Pipelines; said in other words.
-- @column pipe VARCHAR     as in sm__pipe_PIPE_cycles_active and sm__inst_executed_pipe_PIPE
-- @column meaning VARCHAR  what it executes

SELECT pipe, meaning
FROM (VALUES
    ('adu', 'address divergence: barriers, and branches by address'),
    ('alu', 'integer and logic operations, comparisons, conversions'),
    ('cbu', 'convergence of warps: branches and their joins'),
    ('cbu_pred_on_any', 'of these, what some thread of the warp executed'),
    ('fma', 'fp32 arithmetic and integer products'),
    ('fma_type_fp16', 'fp16 arithmetic, where it has no pipe of its own'),
    ('fmaheavy', 'the half of fma that takes integer products and dot products, too'),
    ('fmalite', 'the half of fma that takes fp32 alone'),
    ('fp16', 'fp16 arithmetic'),
    ('fp64', 'fp64 arithmetic'),
    ('ipa', 'interpolation of attributes: graphics'),
    ('lsu', 'loads, stores and atomics of global, local and shared memory'),
    ('shared', 'what fp64, fp16 and the tensor cores share, together'),
    ('tc', 'tensor cores of the fifth generation (tcgen05)'),
    ('tensor', 'tensor cores, all types'),
    ('tensor_op_dmma', 'tensor cores: fp64'),
    ('tensor_op_gmma', 'tensor cores: instructions of warp groups'),
    ('tensor_op_hmma', 'tensor cores: fp16, bf16, tf32 and fp8'),
    ('tensor_op_imma', 'tensor cores: integers'),
    ('tensor_subpipe_dmma', 'tensor cores: fp64'),
    ('tensor_subpipe_hmma', 'tensor cores: fp16, bf16, tf32 and fp8'),
    ('tensor_subpipe_imma', 'tensor cores: integers'),
    ('tex', 'textures and surfaces'),
    ('tma', 'bulk copies between global and shared memory'),
    ('tmem', 'loads and stores of the tensor cores'' own memory'),
    ('uniform', 'what is the same for all threads of a warp'),
    ('workid', 'which block comes next'),
    ('xu', 'special functions (sin, log, rsqrt) and conversions')
) AS known (pipe, meaning)
