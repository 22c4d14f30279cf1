-- What kind of work a kernel does, by its name: the first pattern that matches the full C++ name decides.
--
-- Add a kernel here. The order matters, as its remarks say.
-- @column priority BIGINT   the lowest one that matches wins
-- @column category VARCHAR  kind of work
-- @column pattern VARCHAR   regular expression (RE2), ignoring case, anywhere in the full name

SELECT row_number() OVER () AS priority, category, pattern
FROM (
    VALUES
        -- What XLA runs while it tries out kernels: it fills and compares buffers, and waits.
        ('autotuning', 'stream_executor::gpu::.*(redzone|delaykernel|repeatbuffer|xla_fp_comparison)'),
        -- Before everything: their names list the operations that were fused.
        ('compiled', '^triton_(poi|red|per|for)_'),
        -- Of NCCL and NVSHMEM, and what replaces them: custom all-reduces of inference engines, symmetric
        -- memory, DeepEP's dispatch and combine, user buffers of Transformer Engine.
        ('communication', 'nccl|nvshmem|mscclpp|cross_device_reduce|all_?reduce|all_?gather|all_?to_?all'
            || '|reduce_?scatter|multimem_|symm(etric)?_?mem|deep_?ep::|userbuffers|quick_?reduce'
            || '|(^|::|\s)(dispatch|combine)([<(]|$)'),
        -- Before attention: reshape_and_cache_flash writes the cache, whatever its name ends in.
        ('kv_cache', 'reshape_and_cache|concat_and_cache|slot_mapping|copy_blocks|swap_blocks|gather_cache'),
        -- Before everything that its list of fused operations would match; after allreduce_fusion_kernel.
        ('compiled', 'nvfuser_|_fusion(_|$)|^wrapped_'),
        -- Before gemm and convolution: bmm_chunk is a step of the state space scan, causal_conv1d another.
        ('mamba', 'chunk_scan|chunk_state|chunk_cumsum|bmm_chunk|state_passing'
            || '|selective_scan|selective_state|causal_conv1d'),
        -- Before norm: normal_kernel draws random numbers.
        ('random', 'distribution_|philox_|curand_|random_from_to'),
        -- Before the optimizer, which handles many tensors at once, too: shards, and inputs of graphs.
        ('elementwise', 'multi_tensor_apply_kernel<.*(^|[^a-z])copyfunctor'),
        -- Before norm: clipping gradients takes the norm of many tensors at once.
        ('optimizer', 'multi_tensor_|fused_?(adam|sgd|lamb)|adamw?_?(functor|kernel)|amp_update_scale'),
        -- Before gemm: a fused one begins with the product of the last layer.
        ('loss', 'cross_?entropy|(nll|ctc|mse|bce|l1|huber|margin)_?loss'),
        -- Before attention and gemm: flashinfer is a library of everything, not only of attention.
        ('norm', '(rms|layer|group|batch|qk|l2)_?norm|normalization::|(^|[^a-z])ln_(fwd|bwd)'
            || '|gammabetabackward|rowwisemoments|compute(backward)?(fusedparams|internalgradients)'),
        ('moe', 'moe|topk_?gating|grouped_topk|permute_token|_ep_(scatter|gather)'),
        -- Before gemm and convolution: attention kernels carry cutlass::gemm types in their arguments, and
        -- cuDNN calls its own fprop.
        ('attention', 'flash::|flash_(fwd|bwd|mla)|flashmla|attention|attn|sdpa|fmha|(^|[^a-z])mha'
            || '|varlen_num_blocks|(prefill|decode)with|fwd_grouped_kernel|_fwd_kernel_stage'
            || '|_bwd_kernel_d[kqv]|^_(fwd|bwd)_kernel$|compute_dot_do_o|convert_dq_to_'),
        -- Before convolution, for which cuDNN uses it, too; cuFFT's older kernels are called by their radix.
        ('fft', '(^|[^a-z])[ir]*fft(_|[^a-z]|$)|real_complex_args_t|(^|[^a-z])[dsh]p(radix|vector)[0-9]'),
        -- Before gemm: an implicit GEMM is a convolution.
        ('conv', 'wgrad|dgrad|fprop|implicit_gemm|convol(ve|ution)|winograd'
            || '|conv_?(depthwise|transpose|[123]d)|cudnn::.*reduce_?split_?k'),
        -- Before gemm: cuBLAS solves triangular systems. All others are of cuSOLVER.
        ('linear_algebra', '(^|[^a-z])(ge(svd|qr|lq|hrd|tr[fsi])|(sy|he)(ev|tr[df])|po(tr[fsi])|tr(sm|tr[is])'
            || '|(or|un)(g|m)(qr|lq|tr)|ste(dc|qr)|la(cpy|scl|swp|set|rf))|svd_|cusolver|eye_kernel|fnrma_'
            || '|offa_stage'),
        -- A split GEMM ends with a reduction of its parts.
        ('gemm', 'gemm|gemv|nvjet|splitk_?reduce|matmul|scaled_mm|marlin|machete|cublas|triton_(mm|tem|bmm)'),
        -- Before what the names of these contain: of cuSPARSE, and of cuDNN's recurrent networks.
        ('sparse', 'cusparse::|(^|[^a-z])(csr|coo|bsr)(mm|mv|_partition|2|sort)'),
        ('rnn', 'elemwisernn|(lstm|gru|rnn)_?(elementwise|cell|block|fp|bp|forward|backward|persist)'
            || '|persist(ent)?rnn'),
        ('pooling', '(max|avg|average|lp)_?pool'),
        ('rope', 'rotary|rope_|_rope'),
        -- After those of positions.
        ('embedding', 'embedding'),
        ('activation', 'act_and_mul|silu|swiglu|gelu|relu'),
        -- Before softmax and sorting, as far as names tell what these are for. Upsample and downsample are no
        -- sampling.
        ('sampling', 'argmax|topk|top_k|top_p|(^|[^pn])sampl(e|ing)|multinomial|penalt|logits|gumbel'
            || '|rejection'),
        -- After attention, which often has its own. No name tells whether what is left is of a loss, of
        -- attention in parts, or of a sampler: cunn_SoftMaxForward is all of them.
        ('softmax', 'softmax'),
        -- Of PyTorch, CUB, Thrust and cuSPARSE, whatever is sorted: tokens by their probability, too.
        ('sorting', '(radix|merge|bitonic|segmented|block|warp)_?sort|(^|[^a-z])sort([^e]|$)'
            || '|fill_reverse_indices'),
        ('quantization', 'quant'),
        ('scan_reduce', 'devicescan|deviceselect|devicereduce|devicecompact|reduce_kernel|kernel_scan_'
            || '|histogram|unique_by_key'
            || '|^cupy_(nan)?(a?max|a?min|arg(max|min)|sum|prod|mean|any|all|count_nonzero)(_|$)'),
        -- Last but for triton: nearly every name of PyTorch's contains one of these words somewhere.
        ('elementwise', 'elementwise|copy|catarray|chunk_cat|index|indices|gather|scatter|nchwtonhwc'
            || '|nhwctonchw|nhwcaddpadding|dropout|triu_tril|transform_kernel|upsampl|_assert_async|^cupy_'),
        ('triton', '^triton_')
) AS patterns(category, pattern)
