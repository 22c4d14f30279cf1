"""Which shapes a GPU likes: a layer by batch size, products by size, ReLU fused and not, elementwise work."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, runner
from collectors.stages import Point, Stage
from collectors.worker import Capture, NotHereError, each, elapsed_s, metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collectors.runner import Options

# The layer of the essay on the memory hierarchy: nn.Linear(1024, 4096).
_IN, _OUT = 1024, 4096
_BATCHES = (*(2**n for n in range(10)), 1024, 2048, 4096, 8192)
_DTYPES = ("bf16", "tf32", "fp32")
_RELU_BATCHES = (1, 16, 128, 512, 2048, 8192)
# Square outputs around what fits into one wave of thread blocks on an A100 (1,792) and on a Hopper with
# 132 SMs (2,048), odd ones beside them, and sizes that are far from both.
_WAVES = (
    *range(256, 1664, 128),
    *range(1664, 2305, 32),
    *range(2432, 4609, 128),
    *(edge + more for edge in (1792, 2048) for more in (1, 8)),
)
_WAVE_DEPTH = 4096
_SQUARES = (128, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
_ELEMENTWISE_MIB = (1, 4, 16, 64, 256, 1024)

# ncu saves what a kernel writes before each of its passes: larger ones take it long, and teach nothing new.
_COUNTED_MIB = 64
_COUNTED_N = 4096

# Calls that do not count.
_WARMUP = 3
# How far what a call uses is thrown out of the L2 before its turn comes again.
_OF_L2 = 8
_MOST_CALLS = 400
_MIB = 1 << 20

_TRAFFIC = ("lts__t_sectors_op_read.sum", "lts__t_sectors_op_write.sum", "launch__waves_per_multiprocessor")


@click.command(
    epilog="""\b
Examples:
  traceql collect shapes --dry-run
  traceql collect shapes --ncu --out results/shapes
  traceql import-runs results/shapes/shapes.csv
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("shapes")
@runner.count("--repeats", 15, "Measurements of a point: their median counts.")
@click.option(
    "--ncu/--no-ncu", default=False, show_default=True, help="Then count in one call of each point."
)
def main(shared: Options, ncu: bool, repeats: int) -> None:
    """Measure nn.Linear(1024, 4096) by batch size, products by size, ReLU fused and not, elementwise work.

    Into shapes.csv. Each call is a node of a CUDA graph and follows the one before. cold_us: the calls take
    turns with as many sets of weights, inputs and outputs as exceed four times the L2, so that each finds
    its own in DRAM alone. warm_us: all use one set, which the L2 holds if it is small. empty is a kernel with
    next to nothing to do: what a node of a graph takes at least. Products (square, waves) are bf16; tf32 and
    fp32 are float32 numbers with and without the tensor cores. relu: none (the layer alone), unfused,
    inplace, fused (within the product's kernel), only (without the layer). Random numbers: zeros need less
    power.
    """
    common: dict[str, Any] = {"settings": {"repeats": repeats}, "tags": {"collector": "shapes"}}
    points = _points()
    stages = [Stage(name="shapes", table="shapes", points=points, **common)]
    if ncu:
        profiler = counters.roofline()
        if "metrics" in profiler:
            profiler = {"metrics": (*profiler["metrics"], *_TRAFFIC)}
        for name, kinds in (
            ("shapes_ncu", ("linear", "linear_relu", "elementwise")),
            ("shapes_products_ncu", ("waves", "square")),
        ):
            counted = [point for point in points if point.tags["kind"] in kinds and _counted(point.tags)]
            stages.append(Stage(name=name, tool="ncu", profiler=profiler, points=counted, **common))
    runner.run("collectors.shapes", stages, shared, needs=("torch",))


def _points() -> list[Point]:
    def point(kind: str, **tags: str) -> Point:
        return Point("_".join((kind, *tags.values())), {"kind": kind, **tags})

    points = [point("empty")]
    points += [point("linear", dtype=d, batch_size=str(b)) for d in _DTYPES for b in _BATCHES]
    relus = ("none", "unfused", "inplace", "fused", "only")
    points += [point("linear_relu", relu=r, batch_size=str(b)) for r in relus for b in _RELU_BATCHES]
    points += [point("waves", n=str(n)) for n in sorted(_WAVES)]
    points += [point("square", n=str(n)) for n in _SQUARES]
    operations = ("relu", "add", "chain_unfused", "chain_fused")
    return points + [point("elementwise", op=o, mib=str(m)) for o in operations for m in _ELEMENTWISE_MIB]


def _counted(tags: Any) -> bool:
    return int(tags.get("mib", 0)) <= _COUNTED_MIB and int(tags.get("n", 0)) <= _COUNTED_N


def work(plan: dict[str, Any]) -> None:
    """The worker."""
    import torch

    capture = Capture(plan["captured"])
    # What is measured is inference.
    torch.set_grad_enabled(False)

    def measure(point: Any) -> list[dict[str, Any]]:
        torch.cuda.empty_cache()
        torch.backends.cuda.matmul.allow_tf32 = point["tags"].get("dtype") == "tf32"
        torch.manual_seed(0)
        make, flop, dram_bytes = _workload(point["tags"])
        call = make()
        for _ in range(_WARMUP):
            call()
        torch.cuda.synchronize()
        if capture.mode != "no":
            with capture.point("/".join(("shapes", *(f"{k}={v}" for k, v in point["tags"].items())))):
                call()
            return [metric("calls", "", 1)]
        # Of next to nothing there is nothing to throw out.
        sets = 1 if point["tags"]["kind"] == "empty" else _sets(dram_bytes)
        cold = _times([call, *(make() for _ in range(sets - 1))], plan["repeats"])
        warm = _times([call], plan["repeats"])
        return [
            *_told("cold", cold),
            *_told("warm", warm),
            metric("flop", "flop", flop),
            metric("dram_bytes", "byte", dram_bytes),
        ]

    repeats = {"repeats": str(plan["repeats"])} if capture.mode == "no" else {}
    with capture.all():
        each(plan["points"], measure, capture, {"warmup": str(_WARMUP), **repeats})


def _told(which: str, seconds: Sequence[float]) -> list[dict[str, Any]]:
    """The numbers of a time in µs: median, least, greatest."""
    numbers = {
        f"{which}_us": statistics.median(seconds),
        f"{which}_lowest_us": min(seconds),
        f"{which}_highest_us": max(seconds),
    }
    return [metric(name, "us", 1e6 * value) for name, value in numbers.items()]


def _sets(bytes_of_one: float) -> int:
    """How many sets of buffers take turns, so that together they exceed the L2 so many times."""
    import torch

    # Old versions of torch do not tell it.
    if (l2_bytes := getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0)) <= 0:
        raise NotHereError("torch does not tell the size of the L2")
    return sets_of_buffers(bytes_of_one, l2_bytes)


def sets_of_buffers(bytes_of_one: float, l2_bytes: int) -> int:
    """How many sets together exceed the L2 eight times by what they read and write; one at least.

    A call touches its bytes twice at most, so that sets are four times as large as the L2.

    >>> [sets_of_buffers(n << 20, 50 << 20) for n in (1, 8, 300, 1000)]
    [400, 50, 2, 1]
    """
    return min(_MOST_CALLS, math.ceil(_OF_L2 * l2_bytes / bytes_of_one))


def _workload(tags: dict[str, str]) -> tuple[Callable[[], Callable[[], Any]], float, float]:
    """What makes a call with buffers of its own; its FLOP; bytes of what it reads and writes, each once."""
    import torch

    def random(*shape: int, dtype: Any = torch.bfloat16) -> Any:
        return torch.randn(*shape, device="cuda", dtype=dtype)

    kind = tags["kind"]
    if kind == "empty":

        def make_empty() -> Callable[[], Any]:
            one = random(1)
            return lambda: one.add_(1)

        return make_empty, 1.0, 4.0
    if kind in ("waves", "square"):
        n = int(tags["n"])
        k = _WAVE_DEPTH if kind == "waves" else n

        def make_product() -> Callable[[], Any]:
            a, b = random(n, k), random(k, n)
            c = torch.empty(n, n, device="cuda", dtype=torch.bfloat16)
            return lambda: torch.mm(a, b, out=c)

        return make_product, 2.0 * n * n * k, 2.0 * (2 * n * k + n * n)
    if kind == "linear":
        rows = int(tags["batch_size"])
        dtype = torch.bfloat16 if tags["dtype"] == "bf16" else torch.float32
        size = 2 if tags["dtype"] == "bf16" else 4

        def make_linear() -> Callable[[], Any]:
            x, weight = random(rows, _IN, dtype=dtype), random(_OUT, _IN, dtype=dtype)
            out = torch.empty(rows, _OUT, device="cuda", dtype=dtype)
            return lambda: torch.mm(x, weight.t(), out=out)

        numbers = rows * _IN + _IN * _OUT + rows * _OUT
        return make_linear, 2.0 * rows * _IN * _OUT, float(size * numbers)
    if kind == "linear_relu":
        return _linear_relu(tags["relu"], int(tags["batch_size"]), random)
    return _elementwise(tags["op"], int(tags["mib"]) * _MIB // 2, random)


def _linear_relu(relu: str, rows: int, random: Any) -> tuple[Callable[[], Callable[[], Any]], float, float]:
    """nn.Linear(1024, 4096) with bias in bf16, and a ReLU after it, within it, or alone."""
    import torch

    def make() -> Callable[[], Any]:
        x, weight, bias = random(rows, _IN), random(_OUT, _IN), random(_OUT)
        out = random(rows, _OUT)
        after = torch.empty_like(out)
        layer: Callable[[], Any] = lambda: torch.addmm(bias, x, weight.t(), out=out)  # noqa: E731
        # The epilogue of cuBLASLt.
        fused: Callable[[], Any] = lambda: torch.ops.aten._addmm_activation.out(bias, x, weight.t(), out=out)  # noqa: E731
        if relu == "fused":
            expected = torch.relu(torch.addmm(bias, x, weight.t()))
            if not torch.allclose(fused().float(), expected.float(), atol=0.5, rtol=0.02):
                raise ArithmeticError("the fused ReLU gives other numbers than the unfused one")
        calls = {
            "none": layer,
            "fused": fused,
            "unfused": lambda: torch.clamp_min(layer(), 0, out=after),
            "inplace": lambda: layer().relu_(),
            "only": lambda: torch.clamp_min(out, 0, out=after),
        }
        return calls[relu]

    product, moved = 2.0 * rows * _IN * _OUT, 2.0 * (rows * _IN + _IN * _OUT + _OUT + rows * _OUT)
    result, relu_moved = float(rows * _OUT), 4.0 * rows * _OUT
    if relu == "only":
        return make, result, relu_moved
    after_it = relu in ("unfused", "inplace")
    flop = product + (0 if relu == "none" else result)
    return make, flop, moved + (relu_moved if after_it else 0)


def _elementwise(op: str, count: int, random: Any) -> tuple[Callable[[], Callable[[], Any]], float, float]:
    """One operation on so many bf16 numbers, or relu(x * y + z) in three kernels or in one."""
    import torch

    def chain(x: Any, y: Any, z: Any) -> Any:
        return torch.relu(x * y + z)

    compiled = torch.compile(chain, dynamic=False) if op == "chain_fused" else None

    def make() -> Callable[[], Any]:
        x = random(count)
        if op == "relu":
            out = torch.empty_like(x)
            return lambda: torch.clamp_min(x, 0, out=out)
        y = random(count)
        if op == "add":
            out = torch.empty_like(x)
            return lambda: torch.add(x, y, out=out)
        z = random(count)
        if compiled is not None:
            return lambda: compiled(x, y, z)
        out = torch.empty_like(x)

        def unfused() -> Any:
            torch.mul(x, y, out=out)
            torch.add(out, z, out=out)
            return torch.clamp_min(out, 0, out=out)

        return unfused

    # Numbers read and written: x → out; x, y → out; x, y → out, out, z → out, out → out; x, y, z → out.
    moved = {"relu": 2, "add": 3, "chain_unfused": 8, "chain_fused": 4}[op]
    return make, {"relu": 1.0, "add": 1.0}.get(op, 3.0) * count, 2.0 * moved * count


def _times(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Seconds of one call, so many times: replays of a CUDA graph in which the calls take turns."""
    import torch

    for call in calls:
        call()
    once = elapsed_s(calls[-1], 1)
    # A replay of a millisecond or more, in which the launch of the graph does not show.
    turns = max(1, min(_MOST_CALLS // len(calls), math.ceil(2e-3 / max(once, 1e-6) / len(calls))))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(turns):
            for call in calls:
                call()
    elapsed_s(graph.replay, 1)
    return [elapsed_s(graph.replay, 1) / turns / len(calls) for _ in range(repeats)]


if __name__ == "__main__":
    runner.start(main, work)
