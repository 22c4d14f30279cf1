"""What the machine at hand can do: bandwidth of HBM, L2, PCIe and NVLink, the bf16 peak; measured roofs."""

from __future__ import annotations

import csv
import io
import statistics
import time
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, runner
from collectors.stages import Point, Stage
from collectors.worker import Capture, NotHereError, each, elapsed_s, metric
from traceql.cli.common import Seconds
from traceql.record import written

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.runner import Options

_MIB = 1 << 20
# Calls that do not count.
_WARMUP = 3

#: Kind of point → the roof that its best value is: name of the metric, as in ROOFS.
_ROOFS = {
    "hbm_read": "dram_bytes_per_s",
    "hbm_copy": "dram_bytes_per_s",
    "l2_read": "l2_bytes_per_s",
    "pcie_h2d": "pcie_h2d_bytes_per_s",
    "pcie_d2h": "pcie_d2h_bytes_per_s",
    "nvlink": "nvlink_bytes_per_s",
    "gemm": "bf16_flop_per_s",
}


#: Sizes of working sets, in sizes of the L2: within it, less than half of it, because an L2 in two parts may
#: hold the same in both; and far beyond it.
_OF_L2 = {"l2_read": (0.16, 0.32, 0.48), "hbm_read": (20, 80), "hbm_copy": (5, 20, 80)}
# A buffer and its copy leave room for what else is there.
_OF_MEMORY = 0.25
# Whole blocks of the kernel that reads.
_STEP_BYTES = 1 << 16


@click.command(
    epilog="""\b
Examples:
  traceql collect memory-hierarchy --dry-run
  traceql collect memory-hierarchy --out results/roofs
  traceql import-runs results/roofs/memory_hierarchy.csv results/roofs/roofs.csv
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("roofs")
@click.option(
    "--seconds", type=Seconds(), default=0.3, show_default=True, help="Of each of the measurements."
)
@runner.count("--repeats", 3, "Measurements of a point.")
@click.option(
    "--ncu/--no-ncu", default=False, show_default=True, help="Then count in one call of each point."
)
def main(shared: Options, ncu: bool, **sizes: Any) -> None:
    """Measure the roofs of a roofline: copies for the memories, products of matrices for the tensor cores.

    Into memory_hierarchy.csv, and the best of each kind into roofs.csv. hbm_read and l2_read read a buffer
    again and again, past the L1; hbm_copy counts the bytes read and those written. Their buffers are in
    proportion to the L2 of the GPU at hand (of_l2). Links count one direction. Products are of random bf16
    matrices: zeros would need less power, and so be faster. linear_1 and linear_512 are
    nn.Linear(1024, 4096) with 1 and 512 rows. NVLink is measured where there are two GPUs. A product's
    burst_flop_per_s is of ten calls after a second of rest, before power limits the clock; its flop_per_s is
    what lasts.
    """
    try:
        runner.run("collectors.memory_hierarchy", _stages(ncu, sizes), shared, needs=("torch",))
    finally:
        if not shared.dry_run:
            _write_roofs(shared.out)


def _points() -> list[Point]:
    def point(kind: str, label: str, **tags: str) -> Point:
        return Point(f"{kind}_{label}", {"kind": kind, **tags})

    points = [
        point(kind, f"{share:g}_l2".replace(".", "_"), of_l2=f"{share:g}")
        for kind, shares in _OF_L2.items()
        for share in shares
    ]
    links = ("pcie_h2d", "pcie_d2h", "nvlink")
    points += [point(kind, "256mib", buffer="256 MiB") for kind in links]
    points += [point("gemm", str(n), shape=f"{n}x{n}x{n}") for n in (4096, 8192)]
    return points + [point("linear", str(rows), shape=f"{rows}x4096x1024") for rows in (1, 512)]


def _stages(ncu: bool, sizes: dict[str, Any]) -> list[Stage]:
    common: dict[str, Any] = {
        "points": _points(),
        "settings": sizes,
        "tags": {"collector": "memory_hierarchy"},
    }
    stages = [Stage(name="memory_hierarchy", table="memory_hierarchy", **common)]
    if ncu:
        stages.append(Stage(name="roofs_ncu", tool="ncu", profiler=counters.roofline(), **common))
    return stages


def _write_roofs(out: Path) -> None:
    """The best value of each kind, a run for each GPU: what a roofline draws as its measured roofs."""
    table = out / "memory_hierarchy.csv"
    if not table.exists():
        return
    best: dict[str, dict[str, float]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            roofs = best.setdefault(row.get("gpu") or "", {})
            roof = _ROOFS.get(row["kind"])
            for value in (row.get("bytes_per_s"), row.get("flop_per_s")):
                if roof and value:
                    roofs[roof] = max(roofs.get(roof, 0.0), float(value))
    columns = list(dict.fromkeys(roof for roofs in best.values() for roof in roofs))
    if not columns:
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = any(best)
    writer.writerow([*(["gpu"] if named else []), *columns])
    for gpu, roofs in best.items():
        writer.writerow([*([gpu] if named else []), *(roofs.get(roof, "") for roof in columns)])
    written.write_whole(out / "roofs.csv", text.getvalue())


def work(plan: dict[str, Any]) -> None:
    """The worker."""
    import torch

    capture = Capture(plan["captured"])

    def measure(point: Any) -> list[dict[str, Any]]:
        torch.cuda.empty_cache()
        if share := point["tags"].get("of_l2"):
            here = torch.cuda.get_device_properties(0)
            # Old versions of torch do not tell it.
            l2_bytes = getattr(here, "L2_cache_size", 0)
            size = working_set(float(share), l2_bytes, here.total_memory)
            point["tags"]["buffer"] = f"{size / _MIB:g} MiB"
        call, amount, unit, graphed = _workload(point["tags"])
        for _ in range(_WARMUP):
            call()
        torch.cuda.synchronize()
        if capture.mode != "no":
            with capture.point(f"memory_hierarchy/{point['name']}"):
                call()
            return [metric("calls", "", 1)]
        rates = [amount / _seconds_per_call(call, plan["seconds"], graphed) for _ in range(plan["repeats"])]
        point["tags"]["execution"] = "graphs" if graphed else "eager"
        name = "flop_per_s" if unit == "flop" else "bytes_per_s"
        burst = []
        if point["tags"]["kind"] == "gemm":
            # Longer than some 50 ms, products are held back by the power limit.
            time.sleep(1)
            burst = [metric(f"burst_{name}", f"{unit}/s", amount / elapsed_s(call, 10))]
        return [
            *burst,
            metric(name, f"{unit}/s", sorted(rates)[len(rates) // 2]),
            metric(f"lowest_{name}", f"{unit}/s", min(rates)),
            metric(f"highest_{name}", f"{unit}/s", max(rates)),
            # One run tells no spread.
            *([metric(f"stdev_{name}", f"{unit}/s", statistics.stdev(rates))] if len(rates) > 1 else []),
            metric("call_us", "us", 1e6 * amount / sorted(rates)[len(rates) // 2]),
        ]

    repeats = {"repeats": str(plan["repeats"])} if capture.mode == "no" else {}
    with capture.all():
        each(plan["points"], measure, capture, {"warmup": str(_WARMUP), **repeats})


def working_set(of_l2: float, l2_bytes: int, memory_bytes: int) -> int:
    """Bytes of a buffer: so many times the L2, at most a quarter of the memory.

    >>> [working_set(share, 50 << 20, 141 << 30) >> 20 for share in (0.16, 0.48, 80)]
    [8, 24, 4000]
    """
    if l2_bytes <= 0:
        raise NotHereError("torch does not tell the size of the L2")
    return int(min(of_l2 * l2_bytes, _OF_MEMORY * memory_bytes)) // _STEP_BYTES * _STEP_BYTES


def _workload(tags: dict[str, str]) -> tuple[Any, float, str, bool]:
    """What one call does, how much of it, in which unit, and whether a CUDA graph can repeat it."""
    import torch

    kind = tags["kind"]
    if kind in ("gemm", "linear"):
        m, n, k = (int(text) for text in tags["shape"].split("x"))
        if kind == "linear":
            layer = torch.nn.Linear(k, n, bias=False, device="cuda", dtype=torch.bfloat16)
            rows = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
            layer.requires_grad_(False)
            return lambda: layer(rows), 2.0 * m * n * k, "flop", True
        a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        b = torch.randn(k, n, device="cuda", dtype=torch.bfloat16)
        c = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
        return lambda: torch.mm(a, b, out=c), 2.0 * m * n * k, "flop", True
    size = int(float(tags["buffer"].removesuffix(" MiB")) * _MIB)
    if kind in ("hbm_read", "l2_read"):
        from collectors.kernels import reader

        # L2 answers in microseconds: many rounds in one launch.
        call, amount = reader(size, 200 if kind == "l2_read" else 1)
        return call, amount, "byte", False
    here = torch.empty(size, device="cuda", dtype=torch.uint8).random_()
    if kind == "hbm_copy":
        there = torch.empty_like(here)
        # As a node of a CUDA graph, a large copy goes to a copy engine, which is slower than the SMs.
        return lambda: there.copy_(here), 2.0 * size, "byte", False
    if kind == "nvlink":
        if torch.cuda.device_count() < 2:
            raise NotHereError("there is one GPU only")
        peer = torch.empty(size, device="cuda:1", dtype=torch.uint8)
        return lambda: peer.copy_(here, non_blocking=True), float(size), "byte", False
    host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    if kind == "pcie_h2d":
        return lambda: here.copy_(host, non_blocking=True), float(size), "byte", False
    return lambda: host.copy_(here, non_blocking=True), float(size), "byte", False


def _seconds_per_call(call: Any, seconds: float, graphed: bool) -> float:
    """Time of one call, from many: by events around them, in a CUDA graph where launching would show."""
    import torch

    once = elapsed_s(call, 1)
    if not graphed:
        return elapsed_s(call, max(3, round(seconds / once)))
    calls = max(1, min(200, round(0.02 / max(once, 1e-6))))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            call()
    replay = elapsed_s(graph.replay, 1)
    return elapsed_s(graph.replay, max(2, round(seconds / replay))) / calls


if __name__ == "__main__":
    runner.start(main, work)
