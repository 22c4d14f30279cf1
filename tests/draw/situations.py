"""What a database may hold when somebody asks for a chart of it: nothing, everything, little, much, and oddly named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made import ncu
from made.ncu import Profile
from made.nsys import Recording, copy, graph, kernel, memset, sync
from made.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from made.case import Made

#: What is stored, in that order; sweeps have the name of their table of runs.
Held = dict[str, "Made"]

_MS = 1_000_000
_FULL_NAME = "void at::native::" + "elementwise_kernel<" * 12 + "float" + ">" * 12 + "(int)"


def everything(shift: int = 0) -> Recording:
    """A recording with something in every table that nsys fills, `shift` milliseconds later."""
    made = Recording(gpu="H200", phase="decode", batch_size="8")
    ms = _MS + shift
    for gpu in (0, 1):
        made.gpu(gpu, "NVIDIA H200", cuda=gpu, smCount=132, memoryBandwidth=4_800_000_000_000)
        pid = gpu + 1
        made.process(pid, f"/bin/worker{gpu}").thread(1, "main", pid=pid)
        for step in range(3):
            at = step * 40 * ms
            inner = {"pid": pid}
            made.range(f"execute_context_{step}(0)_generation_8(8)", at, at + 30 * ms, **inner)
            made.range("layers.0.mlp", at + ms, at + 9 * ms, domain="PyTorch", category="layer", **inner)
            made.range("copying", at, at + 5 * ms, style="startend", payload=step, **inner)
            made.mark("here", at + ms, **inner)
            made.cpu_sample(at + ms, "@/lib/libc.so.6", f"work{step}@/bin/app", "main@/bin/app", **inner)
            made.python_sample(at + ms, f"step{step}@/x/train.py:7", "run@/x/train.py:9", **inner)
            made.scheduled(at, gpu, on=True, **inner)
            made.scheduled(at + 3 * ms, gpu, on=False, state="Interruptible", **inner)
            for number in range(3):
                start = at + (2 + 3 * number) * ms
                made.call(
                    "cudaLaunchKernel_v7000",
                    start,
                    start + ms // 10,
                    kernel("elementwise_kernel", start + ms, start + 2 * ms, full=_FULL_NAME, device=gpu),
                    **inner,
                ).called_from(
                    "cudaLaunchKernel@/lib/libcudart.so", "work@/bin/app", python=("step@/x/a.py:7",)
                )
            made.call(
                "cudaMemcpy_v3020",
                at + 12 * ms,
                at + 14 * ms,
                copy("Host-to-Device", at + 12 * ms, at + 13 * ms, 1 << 20, src="Pageable", device=gpu),
                **inner,
            )
            made.call(
                "cudaMemcpyAsync_v3020",
                at + 14 * ms,
                at + 15 * ms,
                copy("Device-to-Host", at + 14 * ms, at + 15 * ms, 1 << 20, dst="Pageable", device=gpu),
                **inner,
            )
            made.call(
                "cudaMemset_v3020",
                at + 15 * ms,
                at + 16 * ms,
                memset(at + 15 * ms, at + 16 * ms, 64, device=gpu),
                **inner,
            )
            made.call(
                "cudaStreamSynchronize_v3020",
                at + 16 * ms,
                at + 17 * ms,
                sync("Stream sync", at + 16 * ms, at + 17 * ms, device=gpu),
                **inner,
            )
            made.call(
                "cudaGraphLaunch_v10000",
                at + 17 * ms,
                at + 18 * ms,
                graph(at + 18 * ms, at + 20 * ms, device=gpu),
                **inner,
            )
            made.graph_node(5, at, pid=pid)
            made.call(
                "cudaGraphLaunch_v10000",
                at + 20 * ms,
                at + 21 * ms,
                kernel("node_kernel", at + 21 * ms, at + 22 * ms, node=5, device=gpu),
                **inner,
            )
            made.nccl(
                "ncclAllReduce",
                at + 22 * ms,
                at + 23 * ms,
                kernel(
                    "ncclDevKernel_AllReduce_Sum_f32_RING_LL", at + 23 * ms, at + (25 + gpu) * ms, device=gpu
                ),
                pid=pid,
                communicator=1,
                size=1 << 20,
                ranks=2,
                rank=gpu,
                reduction=0,
            )
            made.os_call("poll", at, at + ms, pid=pid)
            made.cpu_fault(at + ms, 4096 * step, "main", file="main.cu", line=3, pid=pid)
            made.gpu_fault(at + ms, at + 2 * ms, 4096, 3, device=gpu, pid=pid)
            made.work(
                copy("Unified Host-to-Device", at + 2 * ms, at + 3 * ms, 4096, address=4096, device=gpu),
                pid=pid,
            )
            for metric in ("SMs Active [Throughput %]", "DRAM Read Bandwidth [Throughput %]"):
                made.sample(metric, at + ms, 10 * step, gpu=gpu)
    made.machine(cpus="8", cpu="x86", driver="550", cuda="12.4").session(utc_ns=1_700_000_000 * 10**9)
    return made.duration(130 * ms).diagnostic("CUDA profiling might have not been started correctly.")


def profile(scale: float = 1) -> Profile:
    """A report of Nsight Compute with all that the questions read."""
    made = Profile(tags={"gpu": "H200", "phase": "decode", "batch_size": "8"}, utc_s=1_700_000_000)
    made.gpu("NVIDIA H200", multiprocessor_count=132, clock_rate=1_980_000).process(1, "/bin/worker")
    paths = ("step/attn/kv_write", "step/mlp", "step/spec_decode/nwor_commit", "step/scv_mask")
    for number, path in enumerate(paths, start=1):
        flop = 1e6 * number * scale
        made.kernel(
            f"kernel{number}",
            path,
            ns=1000.0 * number,
            dram_read=64.0 * number,
            dram_write=32.0 * number,
            dram_pct=20.0,
            l2_read=10.0,
            l2_write=20.0,
            warps=4.0,
            grid=(number, 1, 1),
            block=(128, 1, 1),
            metrics=dict(list(ncu.roofline(bf16=flop, fp32=flop / 10, dram=1e5, l2=2e5, l1=4e5).items())[1:]),
        ).rule("Occupancy", "raise it", speedup_pct=12.0, section="Occupancy", title="Occupancy")
    return made


def pages() -> Profile:
    """A report with what the pages of Nsight Compute are drawn of, whole, in part, and of a kernel that did nothing."""
    made = Profile(utc_s=1_700_000_000)
    made.gpu("NVIDIA H200", compute_capability_major=9, compute_capability_minor=0)
    name = "datum.kernel[0] " + "k" * 200
    for kernel_name, amount, given in ((name, 1e9, 99), ("idle", 0.0, 99), ("partly", 1e3, 5)):
        counted: dict[str, ncu.Value] = {
            "launch__registers_per_thread": 64,
            "launch__shared_mem_per_block_static": 0,
            "launch__shared_mem_per_block_dynamic": 40_000,
            "launch__shared_mem_config_size": 102_400,
            "l1tex__m_xbar2l1tex_read_bytes.sum": amount,
            "l1tex__m_l1tex2xbar_write_bytes.sum": amount,
            "l1tex__m_xbar2l1tex_read_bytes_mem_dshared.sum": amount,
            "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum": amount / 128,
            "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum": amount / 32,
            "smsp__sass_inst_executed_op_shared_ld.sum": amount,
            "l1tex__t_sector_hit_rate.pct": 55.5,
            "lts__t_sector_hit_rate.pct": 0.0,
            "lts__throughput.avg.pct_of_peak_sustained_elapsed": 99.5,
            "lts__t_sectors_srcunit_tex_aperture_sysmem_op_write.sum": amount,
            "sm__throughput.avg.pct_of_peak_sustained_elapsed": 70.0,
            "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed": 50.0,
            "smsp__average_warp_latency_per_inst_issued.ratio": 8.0,
            "smsp__average_warps_issue_stalled_wait_per_issue_active.ratio": 2.0,
            "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active": 40.0,
        }
        made.kernel(
            kernel_name,
            "step/mlp",
            ns=1000.0,
            dram_read=amount,
            dram_write=amount / 2,
            grid=(132, 1, 1),
            block=(256, 1, 1),
            metrics=dict(list(counted.items())[:given]),
        ).rule("Occupancy", "raise it", speedup_pct=12.0, section="Occupancy", title="Occupancy")
        if given > 5:
            made.instances("inst_executed", {4096: 10, 4112: 30})
            made.instances("smsp__pcsamp_sample_count", {4096: amount, 4112: 0})
            made.instances("smsp__pcsamp_warps_issue_stalled_wait", {4096: amount})
            made.instruction(4096, "FFMA R2 " + "k" * 200, file="/src/" + "k" * 200, line=3, source="x")
    return made


def _sweeps() -> Held:
    return {
        "decode": Runs(
            *(
                {"gpu": gpu, "batch": 4**n, "input_len": 128, "ms_per_token": 5.0 + n**3}
                for gpu in ("H200", "A100")
                for n in range(5)
            )
        ),
        "prefill": Runs(*({"gpu": "H200", "input_len": 64 * 4**n, "ms": 5.0 + 4**n} for n in range(5))),
        "roofs": Runs({"gpu": "H200", "dram_bytes_per_s": 4.2e12, "bf16_flop_per_s": 7.9e14}),
    }


def _odd_sweeps() -> Held:
    """One point; values that are none, no number, and zero; no GPU."""
    return {
        "one": Runs({"gpu": "H200", "batch": 1, "ms_per_token": 5.0}),
        "none": Runs({"gpu": "H100", "batch": 1, "ms_per_token": None}, {"batch": 2, "ms_per_token": None}),
        "zero": Runs(
            {"gpu": "A100", "batch": 1, "ms_per_token": 0.0}, {"gpu": "A100", "batch": 2, "ms_per_token": 0.0}
        ),
        "same": Runs(*({"gpu": "L4", "input_len": 128, "ms": 4.0} for _ in range(2))),
        "long": Runs(
            {"gpu": None, "input_len": 0, "ms": 0.0}, {"gpu": "x" * 300, "input_len": 9, "ms": 1e300}
        ),
    }


def _instant() -> Recording:
    """Everything at one moment, and nothing takes time."""
    made = Recording().gpu(0, "NVIDIA H200", cuda=0)
    for _ in range(3):
        made.range("step", 10, 10).call("cudaLaunchKernel", 10, 10, kernel("k", 10, 10))
        made.call("cudaMemcpy", 10, 10, copy("Host-to-Device", 10, 10, 0, src="Pageable"))
        made.call("cudaMemset", 10, 10, memset(10, 10, 0))
        made.call("cudaStreamSynchronize", 10, 10, sync("Stream sync", 10, 10))
        made.os_call("poll", 10, 10).gpu_fault(10, 10, 0).cpu_fault(10, 0, "main")
        made.nccl(
            "ncclAllReduce", 10, 10, kernel("ncclDevKernel_AllReduce_Sum", 10, 10), communicator=1, size=0
        )
        made.sample("SMs Active [Throughput %]", 10, 0)
    return made


def _unmeasured() -> Profile:
    """Counters that were asked for and have no value, are not a number, or are infinite."""
    missing = dict.fromkeys(("ns", "dram_read", "dram_write", "dram_pct", "l2_read", "l2_write"))
    return (
        Profile()
        .gpu("NVIDIA H200")
        .kernel("none", "step/kv_write", metrics=dict.fromkeys(ncu.roofline()), **missing)
        .kernel("nan", "step/kv_write", **dict.fromkeys(missing, float("nan")))
        .kernel("inf", "step/nwor_commit", **dict.fromkeys(missing, float("inf")))
        .kernel("zero", "step", **dict.fromkeys(missing, 0.0))
        .kernel("text", "step", **dict.fromkeys(missing, "much"))
    )


def _kernels_only() -> Recording:
    return Recording().work(kernel("k", 0, 10), kernel("k", 20, 30))


def _extremes() -> Recording:
    """As long as a week and as short as a nanosecond; names of nothing, of markup, of a line break, of 4,000 letters."""
    made = Recording()
    for number, name in enumerate(
        ("", "<script>alert(1)</script>", "a\nb\tc", "k" * 4000, "null", "datum['x']")
    ):
        start = number * 10**14
        made.range(name, start, start + 10**14)
        made.call(
            "cudaLaunchKernel",
            start,
            start + 1,
            kernel(name, start + 1, start + (10**13 if number % 2 else 2)),
        )
    return made.range(None, 0, 5).range("unclosed", 7, None)


def _alike() -> Held:
    """Names that one takes for another, and that mean something to patterns, SQL, shells, Vega and files."""
    names = (
        "run",
        "RUN",
        "run ",
        "run%",
        "r_n",
        "run'",
        'run"',
        "run.sqlite",
        "CON",
        "日本",
        "datum.run[0]",
        "</script>",
    )
    return {name: _kernels_only() for name in names[:8]}


def _forty(made: Callable[[], Made]) -> Held:
    return {f"run{number:02}": made() for number in range(40)}


#: Name → what the database holds.
SITUATIONS: Mapping[str, Callable[[], Held]] = {
    "nothing": dict,
    "an almost empty timeline": lambda: {"bare": Recording().duration(5)},
    "a single range": lambda: {"range": Recording().range("step", 0, 10)},
    "a single kernel": lambda: {"kernel": Recording().work(kernel("k", 5, 9))},
    "a single mark": lambda: {"mark": Recording().mark("here", 3)},
    "a timeline with everything": lambda: {"full": everything()},
    "two timelines with everything": lambda: {"full": everything(), "other": everything(200_000)},
    "a moment": lambda: {"moment": _instant()},
    "extremes": lambda: {"extremes": _extremes()},
    "counters": lambda: {"counters": profile()},
    "two reports of counters": lambda: {"before": profile(), "after": profile(2)},
    "a report without counters": lambda: {"uncounted": Profile().kernel("k", "step").kernel("l")},
    "the pages of Nsight Compute": lambda: {"pages": pages()},
    "counters without values": lambda: {"unmeasured": _unmeasured()},
    "runs alone": _sweeps,
    "odd runs": _odd_sweeps,
    "all kinds": lambda: {
        "full": everything(),
        "counters": profile(),
        "bare": Recording().duration(5),
        **_sweeps(),
    },
    "names alike": _alike,
    "forty timelines": lambda: _forty(_kernels_only),
    "forty reports of counters": lambda: _forty(profile),
    "forty of all kinds": lambda: {
        **_sweeps(),
        **{
            f"{kind}{n:02}": made()
            for n in range(13)
            for kind, made in (("t", everything), ("c", profile), ("m", _instant))
        },
        "bare": Recording(),
    },
}
