"""What nsys does not answer, on traces of a few rows whose answers a reader can sum in the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nsys_oracle import ask, hand_made

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database


def test_launches_cost_call_time_queue_time_and_idle_time(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        RUNTIME=[
            {"name": "cudaLaunchKernel_v7000", "start": 0, "end": 10, "correlationId": 1},
            {"name": "cudaLaunchKernel_v7000", "start": 10, "end": 14, "correlationId": 2},
            {"name": "cudaLaunchKernel_v7000", "start": 40, "end": 50, "correlationId": 3},
            {"name": "cudaGraphLaunch_v10000", "start": 60, "end": 70, "correlationId": 4},
        ],
        KERNEL=[
            {"name": "a", "start": 12, "end": 20, "correlationId": 1},
            {"name": "a", "start": 20, "end": 30, "correlationId": 2},
            # Starts before its call returns: not queued.
            {"name": "b", "start": 45, "end": 60, "correlationId": 3},
            # Two nodes of one graph: the launch is charged to the first.
            {"name": "b", "start": 80, "end": 90, "correlationId": 4, "graphNodeId": 1},
            {"name": "c", "start": 95, "end": 100, "correlationId": 4, "graphNodeId": 2},
        ],
    )
    rows = {row["kernel"]: tuple(row.values())[2:] for row in ask(db, "launch_overhead")}
    assert rows == {
        # instances, calls, kernel, api, its median, median of queue, gap, its median, overhead
        "b": (2, 2, 25, 20, 10.0, 5.0, 35, 17.5, pytest.approx(100 * 35 / 60)),
        "c": (1, 0, 5, 0, None, 25.0, 5, 5.0, 50.0),
        "a": (2, 2, 18, 14, 7.0, 4.0, 0, 0.0, 0.0),
    }


def test_a_gap_is_split_at_the_call_that_ends_it(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        RUNTIME=[
            {"name": "cudaLaunchKernel_v7000", "start": 150, "end": 170, "correlationId": 1},
            {"name": "cudaLaunchKernel_v7000", "start": 160, "end": 175, "correlationId": 2},
            {"name": "cudaLaunchKernel_v7000", "start": 305, "end": 420, "correlationId": 3},
        ],
        KERNEL=[
            {"name": "first", "start": 0, "end": 100},
            {"name": "late", "start": 180, "end": 200, "correlationId": 1},
            # Launched long before: the GPU's own wait.
            {"name": "queued", "start": 300, "end": 310, "correlationId": 2},
            {"name": "slow_launch", "start": 400, "end": 410, "correlationId": 3},
        ],
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


def test_streams_at_work_add_up_to_the_time_between_first_and_last(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        KERNEL=[
            {"name": "k", "start": 0, "end": 100, "streamId": 7},
            {"name": "k", "start": 50, "end": 150, "streamId": 8},
            {"name": "k", "start": 60, "end": 70, "streamId": 9},
            # Programmatic dependent launch: the next kernel of a stream starts before the last one ends.
            {"name": "k", "start": 200, "end": 210, "streamId": 7},
            {"name": "k", "start": 205, "end": 220, "streamId": 7},
        ],
    )
    rows = ask(db, "stream_concurrency")
    assert [(r["streams"], r["time_ns"]) for r in rows] == [(0, 50), (1, 120), (2, 40), (3, 10)]
    assert sum(r["share_pct"] for r in rows) == pytest.approx(100)


def test_empty_ranks_and_unused_gpus_are_flagged(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        PROCESSES=[{"pid": pid, "name": f"/usr/bin/rank{pid}"} for pid in (1, 2, 3)],
        TARGET_INFO_GPU=[{"id": i, "name": "H200"} for i in (0, 1, 2)],
        CUDA_DEVICE=[{"gpuId": i, "cudaId": i} for i in (0, 1, 2)],
        RUNTIME=[{"name": "cudaLaunchKernel_v7000", "pid": pid, "correlationId": 1} for pid in (1, 1, 2, 3)],
        KERNEL=[
            {"name": "k", "start": 0, "end": 30, "pid": 1},
            {"name": "k", "start": 40, "end": 50, "pid": 1},
        ],
        MEMCPY=[{"start": 50, "end": 60, "pid": 1}],
        GRAPH_TRACE=[{"start": 0, "end": 20, "pid": 3, "deviceId": 1}],
    )
    columns = (
        "pid",
        "process",
        "device_id",
        "gpu",
        "api_calls",
        "kernels",
        "memory_ops",
        "graph_launches",
        "gpu_ns",
        "finding",
    )
    assert [tuple(row[c] for c in columns) for row in ask(db, "rank_summary")] == [
        (1, "rank1", 0, "H200", 2, 2, 1, 0, 50, None),
        (2, "rank2", None, None, 1, 0, 0, 0, 0, "no GPU work"),
        (3, "rank3", 1, "H200", 1, 0, 0, 1, 20, "graphs only"),
        (None, None, 2, "H200", 0, 0, 0, 0, 0, "unused GPU"),
    ]
    assert [row["share_of_busiest_pct"] for row in ask(db, "rank_summary")] == [100, 0, 40, 0]


def test_both_ranks_of_a_recorded_run_worked(corpus: Database) -> None:
    rows = ask(corpus, "rank_summary", trace="nsysai_2gpu_2026.2")
    assert [(row["pid"], row["device_id"], row["kernels"], row["finding"]) for row in rows] == [
        (144, 0, 1993, None),
        (145, 1, 2017, None),
    ]


@pytest.mark.parametrize(
    ("kernel", "category"),
    [
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
        ("void at::native::upsample_nearest2d_out_frame<float>(float *)", "other"),
        ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage)", "communication"),
        (
            "void at::native::vectorized_elementwise_kernel<8, at::native::GeluCUDAKernelImpl>(int)",
            "activation",
        ),
        ("my_kernel", "other"),
    ],
)
def test_the_first_matching_pattern_decides_the_category(kernel: str, category: str, tmp_path: Path) -> None:
    db = hand_made(tmp_path, KERNEL=[{"name": kernel, "end": 1}])
    assert [row["category"] for row in ask(db, "kernel_categories")] == [category]


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


def test_categories_add_up_to_all_kernels(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        KERNEL=[
            {"name": "gemm_a", "end": 10},
            {"name": "gemm_a", "end": 30},
            {"name": "gemm_b", "end": 20},
            {"name": "mine", "end": 40},
        ],
    )
    assert [tuple(row.values())[1:] for row in ask(db, "kernel_categories")] == [
        ("gemm", 2, 3, 60, 60.0, "gemm_a"),
        ("other", 1, 1, 40, 40.0, "mine"),
    ]
