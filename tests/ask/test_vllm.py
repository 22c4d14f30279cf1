"""What nsys does not answer, on traces of a few rows whose answers a reader can sum in the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording, kernel
from nsys_oracle import ask
from shipped import REPORTS

import traceql

if TYPE_CHECKING:
    from traceql import Database


def test_launches_cost_call_time_queue_time_and_idle_time() -> None:
    db = (
        Recording()
        .call("cudaLaunchKernel_v7000", 0, 10, kernel("a", 12, 20))
        .call("cudaLaunchKernel_v7000", 10, 14, kernel("a", 20, 30))
        # Starts before its call returns: not queued.
        .call("cudaLaunchKernel_v7000", 40, 50, kernel("b", 45, 60))
        # Two nodes of one graph: the launch is charged to the first.
        .call("cudaGraphLaunch_v10000", 60, 70, kernel("b", 80, 90, node=1), kernel("c", 95, 100, node=2))
        .database()
    )
    rows = {row["kernel"]: tuple(row.values())[2:] for row in ask(db, "launch_overhead")}
    assert rows == {
        # instances, calls, kernel, api, its median, median of queue, gap, its median, overhead
        "b": (2, 2, 25, 20, 10.0, 5.0, 35, 17.5, pytest.approx(100 * 35 / 60)),
        "c": (1, 0, 5, 0, None, 25.0, 5, 5.0, 50.0),
        "a": (2, 2, 18, 14, 7.0, 4.0, 0, 0.0, 0.0),
    }


def test_a_gap_is_split_at_the_call_that_ends_it() -> None:
    db = (
        Recording()
        .work(kernel("first", 0, 100))
        .call("cudaLaunchKernel_v7000", 150, 170, kernel("late", 180, 200))
        # Launched long before: the GPU's own wait.
        .call("cudaLaunchKernel_v7000", 160, 175, kernel("queued", 300, 310))
        .call("cudaLaunchKernel_v7000", 305, 420, kernel("slow_launch", 400, 410))
        .database()
    )
    columns = ("next_operation", "duration_ns", "before_call_ns", "in_call_ns", "queued_ns", "cpu_pct")
    assert [tuple(row[c] for c in columns) for row in ask(db, "cpu_bound_gaps", min_gap_ns=1)] == [
        ("slow_launch", 90, 0, 90, 0, 100.0),
        ("late", 80, 50, 20, 10, 87.5),
    ]
    every = ask(db, "cpu_bound_gaps", min_gap_ns=1, min_cpu_pct=0)
    assert [row["next_operation"] for row in every] == ["queued", "slow_launch", "late"]
    assert [row["next_operation"] for row in ask(db, "cpu_bound_gaps", min_gap_ns=81, limit=1)] == [
        "slow_launch"
    ]


def test_both_ranks_of_a_recorded_run_worked(corpus: Database) -> None:
    rows = ask(corpus, "rank_summary", trace="nsysai_2gpu_2026.2")
    assert [(row["pid"], row["device_id"], row["kernels"], row["finding"]) for row in rows] == [
        (144, 0, 1993, None),
        (145, 1, 2017, None),
    ]


@pytest.mark.long
def test_every_rank_of_a_model_on_two_gpus_has_its_steps_and_their_work() -> None:
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / "llama_tp2.nsys-rep.xz", name="tp2")
        ranges = db.sql("FROM nvtx_ranges SELECT pid, text, count(*) GROUP BY ALL").rows()
        sums = db.sql(
            "FROM kernels SELECT pid, count(*) WHERE name LIKE '%cross_device_reduce%' GROUP BY pid"
        ).rows()
        steps = ask(db, "communication_per_step", step="decode_step")
    counted = {(pid, text): count for pid, text, count in ranges}
    for pid in (1215, 1216):
        assert (counted[pid, "decode_sweep/batch_size=1"], counted[pid, "decode_step"]) == (1, 4)
    assert [(row["pid"], row["step"]) for row in steps] == [(p, s) for p in (1215, 1216) for s in range(4)]
    # Two sums over the ranks in each of 32 layers, one after the embedding, in four steps.
    assert dict(sums) == {1215: 4 * 65, 1216: 4 * 65}
    # The rank that is launched first waits in them for the other.
    exposed = {pid: sum(row["exposed_ns"] for row in steps if row["pid"] == pid) for pid in (1215, 1216)}
    assert exposed[1216] > 3 * exposed[1215]


@pytest.mark.long
def test_the_ranks_of_a_pipeline_send_and_wait_in_every_step() -> None:
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / "llama_pp2.nsys-rep.xz", name="pp2")
        sent = db.sql("FROM kernels SELECT pid, count(*) WHERE name LIKE '%SendRecv%' GROUP BY pid").rows()
        cached = db.sql(
            "FROM kernels SELECT pid, count(*) WHERE name LIKE '%reshape_and_cache%' GROUP BY pid"
        ).rows()
        steps = ask(db, "communication_per_step", step="decode_step")
    # Each of four steps goes through 16 of the 32 layers on each rank, between which states are sent and received.
    assert dict(cached) == {1442: 4 * 16, 1443: 4 * 16}
    assert len(sent) == 2 and len({count for _, count in sent}) == 1
    assert [(row["pid"], row["step"]) for row in steps] == [(p, s) for p in (1442, 1443) for s in range(4)]
    # The second rank waits for what the first one computes.
    first, second = ([row for row in steps if row["pid"] == pid] for pid in (1442, 1443))
    for before, after in zip(first, second, strict=True):
        assert before["exposed_ns"] < 0.1 * before["compute_ns"]
        assert 0.5 * before["compute_ns"] < after["exposed_ns"] < before["compute_ns"]


CATEGORIES = [
    ("nvjet_sm90_tst_256x8_64x6_2x1_v_bz_TNT", "gemm"),
    ("void splitKreduce_kernel<32, 16, int, float>(cublasSplitKParams<float>)", "gemm"),
    ("void vllm::reshape_and_cache_flash_kernel<__nv_bfloat16>(T1 *)", "kv_cache"),
    ("void cutlass::device_kernel<flash::FlashAttnFwdSm90<cutlass::gemm::X>>(T1)", "attention"),
    ("void flashinfer::BatchPrefillWithPagedKVCacheKernel<P>(P)", "attention"),
    ("void flashinfer::sampling::TopKTopPSamplingFromProbKernel<256>(float *)", "sampling"),
    ("void flashinfer::norm::RMSNormKernel<8>(T *)", "norm"),
    (
        "void at::native::distribution_elementwise<at::native::templates::cuda::normal_kernel>(int)",
        "random",
    ),
    ("void vllm::rms_norm_static_fp8_quant_kernel<c10::BFloat16>(T1 *)", "norm"),
    ("void vllm::moe::topkGating<8>(float *)", "moe"),
    ("_bmm_chunk_fwd_kernel", "mamba"),
    ("triton_red_fused__to_copy_add_mean_mul_pow_rsqrt_0", "compiled"),
    ("triton_tem_fused_mm_3", "gemm"),
    ("triton_unnamed", "triton"),
    (
        "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, at::native::ArgMaxOps>>(T)",
        "sampling",
    ),
    ("void at::native::upsample_nearest2d_out_frame<float>(float *)", "elementwise"),
    ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage)", "communication"),
    (
        "void at::native::vectorized_elementwise_kernel<8, at::native::GeluCUDAKernelImpl>(int)",
        "activation",
    ),
    ("flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot_lamport", "communication"),
    ("void deep_ep::intranode::dispatch<8, 768, 8192>(int4*, float*, int*)", "communication"),
    ("void deep_ep::internode_ll::combine<false, 7168, 9>(void*)", "communication"),
    ("ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)", "communication"),
    ("ncclSymkDevKernel_ReduceScatter_RailA2A", "communication"),
    ("void sglang::cross_device_reduce_2stage<__half, 8>(sglang::RankData*)", "communication"),
    (
        "void flash::flash_fwd_splitkv_kernel<Flash_fwd_kernel_traits<128, 64, 128, 4>>(flash::Flash_fwd_params)",
        "attention",
    ),
    (
        "void cutlass::device_kernel<flash::FlashAttnFwdSm90<flash::CollectiveMainloopFwdSm90<2>>>(T1::Params)",
        "attention",
    ),
    ("void flashinfer::BatchDecodeWithPagedKVCacheKernel<(flashinfer::PosEncodingMode)0>(T1)", "attention"),
    ("fmhaSm100fKernel_QkvE4m3OBfloat16H128PagedKvCausalP64VarSeqQ128Kv128PersistentContext", "attention"),
    (
        "void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, std::array<char*, 1>>(int)",
        "elementwise",
    ),
    ("void cub::detail::radix_sort::DeviceRadixSortOnesweepKernel<cub::Policy>(int)", "sorting"),
    ("void at::native::bitonicSortKVInPlace<2, -1, 16, 16, float, long>(T1)", "sorting"),
    ("void at::native::radixSortKVInPlace<2, -1, 128, 8, float, long>(T1)", "sorting"),
    ("void at::native::(anonymous namespace)::sort_postprocess_kernel<float>(float const*)", "sorting"),
    ("void at::native::(anonymous namespace)::fill_reverse_indices_kernel<int>(int*)", "sorting"),
    ("void at_cuda_detail::cub::DeviceSegmentedRadixSortKernel<at_cuda_detail::cub::Policy>(T1)", "sorting"),
    ("void cub::detail::merge_sort::DeviceMergeSortBlockSortKernel<thrust::less<int>>(bool)", "sorting"),
    (
        "void thrust::cuda_cub::core::_kernel_agent<thrust::cuda_cub::__merge_sort::BlockSortAgent<T>>(bool)",
        "sorting",
    ),
    ("void pegasus_sortI32_by_oneCTA<256, true>(int, int, unsigned int *)", "sorting"),
    ("sort_5", "sorting"),
    # What a sampler calls its own, whatever it does.
    ("void at::native::sbtopk::gatherTopK<float, unsigned int, 2, false>(T1)", "sampling"),
    ("void flashinfer::sampling::RadixTopKKernel_Unified<512, 4, float, int>(float*)", "sampling"),
    ("_topk_log_softmax_kernel", "sampling"),
    ("void flashinfer::sampling::OnlineSoftmaxFusedKernel<1024, float>(float*)", "sampling"),
    (
        "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize64x64x64_warpgroupsize1x1x1_execute_segment_k_off_kernel__5x_cublas",
        "gemm",
    ),
    ("nvjet_tst_192x192_64x4_2x1_v_bz_TNT", "gemm"),
    ("void deep_gemm::sm90_fp8_gemm_1d2d_impl<0u, 4096u, 7168u>(float*)", "gemm"),
    ("_fwd_kernel_ep_scatter_1", "moe"),
    ("fused_moe_kernel", "moe"),
    ("void vllm::moe::topkGatingSoftmax<8, 64, 4, 16>(float const*)", "moe"),
    ("void moe_align_block_size_kernel<int>(int const*)", "moe"),
    ("void vllm::rms_norm_kernel<c10::BFloat16>(c10::BFloat16*)", "norm"),
    ("void vllm::rotary_embedding_kernel<c10::BFloat16, true>(long const*)", "rope"),
    ("void vllm::act_and_mul_kernel<c10::BFloat16, &vllm::silu_kernel>(c10::BFloat16*)", "activation"),
    ("void vllm::reshape_and_cache_flash_kernel<__nv_bfloat16>(T1*)", "kv_cache"),
    ("void at::native::(anonymous namespace)::cunn_SoftMaxForward<4, float, float>(float*)", "softmax"),
    (
        "void at::native::(anonymous namespace)::cunn_SoftMaxForwardSmem<8, c10::BFloat16, float, float, "
        "at::native::(anonymous namespace)::LogSoftMaxForwardEpilogue, int>(float*)",
        "softmax",
    ),
    ("triton_softmax_3", "softmax"),
    ("_compute_slot_mapping_kernel", "kv_cache"),
    (
        "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, at::native::ArgMaxOps<float>>>(T)",
        "sampling",
    ),
    ("void per_token_group_quant_8bit_kernel<c10::BFloat16>(void*)", "quantization"),
    ("input_concatenate_fusion_2", "compiled"),
    ("loop_multiply_fusion", "compiled"),
    ("void wgrad_alg0_engine<float, 128, 5, 5, 3, 3, 3, false, 512>(int)", "conv"),
    (
        "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_64x128x128_4x1x1_kernel0_0",
        "attention",
    ),
    ("sm80_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tilesize128x128x32_stage4", "conv"),
    (
        "void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_relu_bf16_128x64_64x4_tn_align8>(T1::Params)",
        "gemm",
    ),
    ("void transformer_engine::normalization::ln_fwd_tuned_kernel<Kernel_traits>(int)", "norm"),
    ("void multi_tensor_apply_kernel<TensorListMetadata<4>, FusedAdamMathFunctor<float>>(long)", "optimizer"),
    (
        "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedOptimizerTensorListMetadata<4>, at::native::FusedAdamMathFunctor<float,4>>(T)",
        "optimizer",
    ),
    ("void at::native::(anonymous namespace)::indexSelectLargeIndex<c10::BFloat16>(int)", "elementwise"),
    ("kernel_mha", "attention"),
    ("_attn_fwd", "attention"),
    ("attn_fwd", "attention"),
    ("_fwd_grouped_kernel_stage1", "attention"),
    ("_bwd_kernel_dkdv", "attention"),
    ("flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel", "attention"),
    ("_layer_norm_fwd_1pass_kernel", "norm"),
    ("_rms_norm_fwd_fused", "norm"),
    ("MatMulKernel", "gemm"),
    ("gemmSN_TN_kernel", "gemm"),
    ("ampere_sgemm_128x64_tn", "gemm"),
    ("cutlass_80_simt_sgemm_256x128_8x4_nn_align1", "gemm"),
    ("void gemvNSP_kernel<float>(T)", "gemm"),
    ("nvkernel_foo", "other"),
    ("void flash::flash_fwd_splitkv_combine_kernel<Traits>(flash::Flash_fwd_params)", "attention"),
    ("void cutlass::device_kernel<flash::FlashAttnFwdCombine<float>>(T1)", "attention"),
    ("void c10d::symmetric_memory::barrier_kernel(uint32_t **, int)", "communication"),
    ("void nvshmemi_transfer_rma<1>(void*)", "communication"),
    ("triton_poi_fused_all_reduce_add_3", "compiled"),
    ("void causal_conv1d_fwd_kernel<Traits>(ConvParamsBase)", "mamba"),
    ("void gemmHalf<float>(float*)", "gemm"),
    ("void at::native::LambdaKernel<float>(float*)", "other"),
    ("void sm80_xmma_DGRAD_implicit_gemm(int)", "conv"),
    ("my_kernel", "other"),
    # Of training, of XLA, of CuPy and cuFFT.
    (
        "void at::native::(anonymous namespace)::GammaBetaBackwardCUDAKernelTemplate<float, float>(long)",
        "norm",
    ),
    ("void cudnn::fusion::compute_dot_do_o_specialized<true, 64>(void const*)", "attention"),
    ("void cudnn::fusion::convert_dq_to_16bits<true>(void const*)", "attention"),
    (
        "void (anonymous namespace)::softmax_warp_forward<c10::BFloat16, c10::BFloat16, float, 4, true>(T2*)",
        "softmax",
    ),
    ("void at::native::(anonymous namespace)::cunn_SoftMaxBackward<4, float, float>(float*)", "softmax"),
    ("void at::native::(anonymous namespace)::nll_loss_forward_reduce_cuda_kernel_2d<float>(T*)", "loss"),
    ("liger_cross_entropy_kernel", "loss"),
    (
        "at::native::amp_update_scale_cuda_kernel(float*, int*, float const*, double, double, int)",
        "optimizer",
    ),
    ("void cudnn::engines_precompiled::nchwToNhwcKernel<float, float, float>(T)", "elementwise"),
    (
        "stream_executor::gpu::RedzoneAllocatorKernelImpl(unsigned char*, unsigned char, unsigned long)",
        "autotuning",
    ),
    ("stream_executor::gpu::(anonymous namespace)::DelayKernel(GpuSemaphoreState volatile*)", "autotuning"),
    (
        "void stream_executor::gpu::xla_fp_comparison<float>(float*, float*, float, unsigned long)",
        "autotuning",
    ),
    ("wrapped_tanh", "compiled"),
    ("void regular_fft_factor<1024u, EPT<16u>, 8u, 0u>(T)", "fft"),
    ("void postprocess_kernel<float, unsigned int>(real_complex_args_t<unsigned int>)", "fft"),
    ("void spRadix0064B::kernel1Mem<unsigned int, float>(T)", "fft"),
    ("irfft_kernel", "fft"),
    ("shift_left_kernel", "other"),
    ("cupy_absolute__complex64_float32", "elementwise"),
    ("cupy_sum__float32_float32_float32", "scan_reduce"),
    # Of other networks, of solvers, and of sharded training.
    ("void gesvdbj_batch_32x16<double, double>(long, const int *)", "linear_algebra"),
    ("void geqr2_smem_domino_fast<double, double, (int)8, (int)512>(int, int, T1 *)", "linear_algebra"),
    ("void kernel<getrf_wo_pivot_params_<double, (int)0, (int)256>>(int, int)", "linear_algebra"),
    ("void syevj_parallel_order_set_kernel<(int)512>(long, int *)", "linear_algebra"),
    ("void trsm_left_kernel<double, 256, 4>(cublasTrsmParams<double>)", "linear_algebra"),
    ("void lascl_kernel<double, double, (int)8>(long, long, T1 *)", "linear_algebra"),
    ("uneven_split_kernel", "other"),
    ("void cusparse::csrmm_alg2_kernel<(bool)0, (bool)0, long, float>(T4, T4, T5)", "sparse"),
    ("void elemWiseRNNcell<float, float, float, (cudnnRNNMode_t)2>(int, int)", "rnn"),
    ("void LSTM_elementWise_bp1<float, float, float>(int, int, T1 *)", "rnn"),
    ("void at::native::(anonymous namespace)::max_pool_forward_nhwc<c10::Half, int>(const T1 *)", "pooling"),
    ("void at::native::(anonymous namespace)::avg_pool3d_cuda_update_output<(int)2, float>(T)", "pooling"),
    (
        "void at::native::(anonymous namespace)::EmbeddingBag_updateOutputKernel_sum_mean<float>(T)",
        "embedding",
    ),
    ("void at::native::(anonymous namespace)::embedding_backward_feature_kernel<float>(T)", "embedding"),
    ("void vllm::rotary_embedding_kernel<c10::BFloat16, (bool)1>(const long *, T1 *)", "rope"),
    ("void at::native::(anonymous namespace)::RowwiseMomentsCUDAKernel<float>(long, T1)", "norm"),
    ("void at::native::tensor_kernel_scan_innermost_dim<float, std::plus<float>>(T1 *)", "scan_reduce"),
    ("void at::cuda::kernelHistogram1D<float, float, long, (int)1>(T)", "scan_reduce"),
    ("void at::native::detail::chunk_cat_cuda_kernel<float, c10::BFloat16>(T2 **)", "elementwise"),
    (
        "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<TensorListMetadata<(int)2>,"
        " at::native::(anonymous namespace)::CopyFunctor<float, float, (int)2, (int)1, (int)1>>(T1, T2)",
        "elementwise",
    ),
    (
        "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<TensorListMetadata<(int)1>,"
        " at::native::(anonymous namespace)::LpNormFunctor<float, (at::native::NormType)1>>(T1, T2)",
        "optimizer",
    ),
    (
        "void cutlass__5x_cudnn::Kernel<cutlass__5x_cudnn::reduction::kernel::ReduceSplitK<MatrixShape>>(T)",
        "conv",
    ),
]


@pytest.mark.long
def test_steps_of_jax_are_the_runs_of_its_program() -> None:
    """XLA compiles and tries out kernels in far more time, in ranges that come again, too."""
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / "jax_training.nsys-rep.xz", name="jax")
        rows = ask(db, "step_summary")
        kinds = {row["category"]: row for row in ask(db, "kernel_categories")}
    assert [(row["step"], row["gpu_operations"], row["launches"]) for row in rows] == [
        (n, 1, 1) for n in range(6)
    ]
    assert {row["range"].split(",")[0] for row in rows} == {"XlaModule:#hlo_module=jit_step"}
    # That it tries kernels out is nearly all that the GPU does before it replays the program as a graph.
    assert kinds["autotuning"]["share_pct"] > 90
    assert "other" not in kinds or kinds["other"]["share_pct"] < 2


@pytest.mark.long
def test_the_kernels_of_a_training_step_have_their_kinds(corpus: Database) -> None:
    rows = ask(corpus, "kernel_categories", trace="training")
    shares = {row["category"]: row["share_pct"] for row in rows}
    assert shares.keys() >= {
        "communication",
        "attention",
        "conv",
        "gemm",
        "norm",
        "loss",
        "softmax",
        "optimizer",
    }
    assert shares.keys() & {"other", "sampling"} == set()
    steps = ask(corpus, "communication_per_step", trace="training")
    assert [(row["step"], row["range"]) for row in steps] == [(n, f"step {n}") for n in range(4)] * 2


@pytest.fixture(scope="module")
def categorised() -> Database:
    """A recording with a kernel of each name."""
    return Recording().work(*(kernel(name, 0, 1) for name, _ in CATEGORIES)).database()


@pytest.mark.parametrize(("name", "category"), CATEGORIES)
def test_the_first_matching_pattern_decides_the_category(
    categorised: Database, name: str, category: str
) -> None:
    found = categorised.sql(
        "SELECT category FROM kernels_categorised WHERE full_name = $name", {"name": name}
    )
    assert found["category"].to_list() == [category]


@pytest.mark.long
def test_every_kernel_of_vllm_has_a_category(corpus: Database) -> None:
    for trace in ("llama_eager", "llama_graph"):
        rows = ask(corpus, "kernel_categories", trace=trace)
        assert {row["category"] for row in rows} == {
            "gemm",
            "attention",
            "norm",
            "activation",
            "rope",
            "kv_cache",
            "elementwise",
            "sampling",
        }
        assert sum(row["share_pct"] for row in rows) == pytest.approx(100)


def test_categories_add_up_to_all_kernels() -> None:
    db = (
        Recording()
        .work(
            kernel("gemm_a", 0, 10), kernel("gemm_a", 0, 30), kernel("gemm_b", 0, 20), kernel("mine", 0, 40)
        )
        .database()
    )
    assert [tuple(row.values())[1:] for row in ask(db, "kernel_categories")] == [
        ("gemm", 2, 3, 60, 60.0, "gemm_a"),
        ("other", 1, 1, 40, 40.0, "mine"),
    ]
