-- What kind of work a kernel does, by its name: the first pattern that matches the full C++ name decides.
--
-- Add a kernel here. The order matters, as its remarks say.
-- @column priority BIGINT   the lowest one that matches wins
-- @column category VARCHAR  kind of work
-- @column pattern VARCHAR   regular expression (RE2), ignoring case, anywhere in the full name

SELECT row_number() OVER () AS priority, category, pattern
FROM (
    VALUES
        ('communication', 'nccl|nvshmem|cross_device_reduce|all_?reduce|all_?gather'
            || '|reduce_scatter|multimem_'),
        -- Before attention: reshape_and_cache_flash writes the cache, whatever its name ends in.
        ('kv_cache', 'reshape_and_cache|concat_and_cache|slot_mapping|copy_blocks|swap_blocks|gather_cache'),
        -- Before everything that its list of fused operations would match.
        ('compiled', '^triton_(poi|red|per|for)_|nvfuser_|_fusion(_|$)'),
        -- Before gemm: bmm_chunk is a step of the state space scan.
        ('mamba', 'chunk_scan|chunk_state|chunk_cumsum|bmm_chunk|state_passing'
            || '|selective_scan|selective_state|causal_conv1d'),
        -- Before norm: normal_kernel draws random numbers.
        ('random', 'distribution_|philox_|curand_|random_from_to'),
        -- Before attention and gemm: flashinfer is a library of everything, not only of attention.
        ('norm', '(rms|layer|group|batch|qk|l2)_?norm'),
        ('moe', 'moe|topk_?gating|grouped_topk|permute_token'),
        -- Before gemm: attention kernels carry cutlass::gemm types in their arguments.
        ('attention', 'flash::|flash_(fwd|bwd|attn|mla)|flashattn|fmha|paged_attention|unified_attention'
            || '|attn_states|varlen_num_blocks|(prefill|decode)with|_attention_|attention_kernel|flashmla'),
        -- A split GEMM ends with a reduction of its parts.
        ('gemm', 'gemm|gemv|nvjet|splitk_?reduce|matmul|scaled_mm|marlin|machete|cublas|triton_(mm|tem|bmm)'),
        ('rope', 'rotary|rope_|_rope'),
        ('activation', 'act_and_mul|silu|swiglu|gelu|relu'),
        -- After attention, which has its own softmax; upsample and downsample are no sampling.
        ('sampling', 'softmax|argmax|topk|top_k|top_p|(^|[^pn])sampl(e|ing)|multinomial|penalt|logits'
            || '|gumbel|rejection|radixsort|bitonicsort'),
        ('quantization', 'quant'),
        ('scan_reduce', 'devicescan|deviceselect|devicereduce|devicecompact|reduce_kernel'),
        -- Last but for triton: nearly every name of PyTorch's contains one of these words somewhere.
        ('elementwise', 'elementwise|copy|catarray|index|gather|scatter'),
        ('triton', '^triton_')
) AS patterns(category, pattern)
