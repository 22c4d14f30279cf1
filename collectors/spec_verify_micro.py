"""The memory traffic and the launches of speculative verification, alone: torch and Triton, no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from collectors import counters, runner
from collectors.stages import Point, Stage
from collectors.worker import Capture, each, metric

if TYPE_CHECKING:
    from collectors.runner import Options

WRITES = ("baseline", "nwor")
#: How the guide to NWOR calls the ways to write, in the tag nwor_mode.
MODES = {"baseline": "off", "nwor": "stage"}
MASKS = ("off", "vectorized", "graph")
#: The loop that the guide draws: three launches, each waited for.
GUIDE = "guide"

# Steps that do not count.
_WARMUP = 3
# Bytes of a value.
_BF16 = 2
#: Accepted drafts of the requests in turn: with 8 drafts 17 of 32, 53 %.
_ACCEPTED = (8, 4, 3, 2)


@click.command(
    epilog="""\b
Examples:
  traceql collect spec-verify-micro --dry-run
  traceql collect spec-verify-micro --masks vectorized --out results/scv
  traceql ingest results/scv && traceql query nwor-delta \\
    --baseline scv_ncu_baseline_vectorized --variant scv_ncu_nwor_vectorized \\
    --pair %kv_write=%nwor_commit --flush %flush_l2
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("scv")
@click.option("--writes", default=",".join(WRITES), show_default=True, help="How the KV cache is written.")
@click.option(
    "--masks",
    default=",".join(MASKS),
    show_default=True,
    help="How the acceptance mask is computed; guide: as the loop in the guide to NWOR and SCV.",
)
@runner.count("--requests", 32, "Sequences.")
@runner.count("--drafts", 8, "Draft tokens of each.")
@runner.count("--layers", 28, "Layers with a KV cache.")
@runner.count("--row", 2048, "bf16 values of a KV row.")
@runner.count("--steps", 20, "Steps under nsys.")
@runner.count("--ncu-steps", 2, "Steps under ncu.")
@click.option("--nsys/--no-nsys", default=True, show_default=True, help="Record timelines.")
@click.option(
    "--graph-trace",
    type=click.Choice(["node", "graph"]),
    default="node",
    show_default=True,
    help="Of timelines: each node of the graph, or the graph as a whole, which costs its replay less.",
)
@click.option("--ncu/--no-ncu", default=True, show_default=True, help="Record counters.")
def main(
    shared: Options, writes: str, masks: str, nsys: bool, graph_trace: str, ncu: bool, **sizes: Any
) -> None:
    """Record every pair of a way to write the KV cache and a way to compute the acceptance mask.

    Per step: baseline writes all draft rows and a bonus row for each request into each layer's cache (NVTX
    range kv_write), then computes the mask (scv_compute_mask); nwor computes the mask first and writes the
    accepted rows and the bonus row (nwor_commit). The mask comes from a host loop over the requests (off),
    one kernel (vectorized), the replay of a CUDA graph (graph), or a loop over a third of the requests each
    (guide); where guide is among the masks, all of them are waited for in their range. flush_l2 fills 256 MB
    between steps, because a large L2 would absorb the writes. There is no staging copy: the drafts' rows are
    there to commit from.
    """
    stages = _stages(writes, masks, nsys, ncu, sizes, graph_trace)
    runner.run("collectors.spec_verify_micro", stages, shared, needs=("torch", "triton"))


def _stages(
    writes: str, masks: str, nsys: bool, ncu: bool, sizes: dict[str, Any], graph_trace: str
) -> list[Stage]:
    points = [
        Point(f"{write}_{mask}", {"nwor_mode": MODES[write], "scv_mode": mask})
        for write in _chosen(writes, WRITES)
        for mask in _chosen(masks, (*MASKS, GUIDE))
    ]
    sizes = {**sizes, "waits": GUIDE in masks.split(",")}
    tags = {
        "collector": "spec_verify_micro",
        **{name: str(sizes[name]) for name in ("requests", "drafts", "layers", "row")},
        "kv_token_bytes": str(_BF16 * sizes["layers"] * sizes["row"]),
    }
    stages = []
    if nsys:
        stages.append(
            Stage(
                name="scv_nsys",
                points=points,
                settings=sizes,
                tool="nsys",
                profiler={"graph_trace": graph_trace},
                report_per_point=True,
                tags=tags,
            )
        )
    if ncu:
        profiler = {"metrics": counters.TRAFFIC, "cache_control": "none"}
        few = {**sizes, "steps": sizes["ncu_steps"]}
        stages += [
            Stage(
                name=f"scv_ncu_{point.name}",
                points=[point],
                settings=few,
                tool="ncu",
                profiler=profiler,
                tags={**tags, **point.tags},
            )
            for point in points
        ]
    return stages


def _chosen(text: str, known: tuple[str, ...]) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in known]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(known)}")
    return chosen


def work(plan: dict[str, Any]) -> None:
    """The worker: all pairs in one process."""
    import torch

    capture = Capture(plan["captured"])
    state = _state(plan)

    def measure(point: Any) -> list[dict[str, Any]]:
        compute = _mask(point["tags"]["scv_mode"], state)
        if plan["waits"]:
            compute = _waited(compute)
        step = _nwor if point["tags"]["nwor_mode"] == MODES["nwor"] else _baseline
        for _ in range(_WARMUP):
            step(state, compute)
        expected = int(state["accepted"].sum())
        with capture.point(None):
            for _ in range(plan["steps"]):
                torch.cuda.nvtx.range_push("step")
                found = step(state, compute)
                torch.cuda.nvtx.range_pop()
        if (accepted := int(found.sum())) != expected:
            raise RuntimeError(f"the mask accepts {accepted} drafts, not {expected}")
        # Of all that is recorded: traffic is divided by them. Every step accepts the same.
        accepted *= plan["steps"]
        drafted = plan["requests"] * plan["drafts"] * plan["steps"]
        return [
            metric("spec_num_draft_tokens", "tokens", drafted),
            metric("spec_num_accepted_tokens", "tokens", accepted),
            metric("spec_acceptance_ratio", "", accepted / drafted),
            # One for each request and step, and a bonus token with each.
            metric("spec_num_drafts", "", plan["requests"] * plan["steps"]),
        ]

    with capture.all():
        each(
            plan["points"],
            measure,
            capture,
            {"steps": str(plan["steps"]), "warmup": str(_WARMUP), "seed": "0"},
        )


def _state(plan: dict[str, Any]) -> dict[str, Any]:
    """Caches, draft rows and tokens; the same for every pair."""
    import torch

    requests, drafts, layers, row = (plan[name] for name in ("requests", "drafts", "layers", "row"))
    generator = torch.Generator("cuda").manual_seed(0)
    # A row for each draft and one for the bonus token of each request.
    rows = requests * (drafts + 1)
    slots = torch.randperm(16 * rows, generator=generator, device="cuda")[:rows]
    target = torch.randint(
        0, 32_000, (requests, drafts), generator=generator, device="cuda", dtype=torch.int32
    )
    lengths = torch.tensor(
        [min(_ACCEPTED[n % len(_ACCEPTED)], drafts) for n in range(requests)], device="cuda"
    )
    accepted = torch.arange(drafts, device="cuda") < lengths[:, None]
    return {
        "caches": [torch.zeros(16 * rows, row, device="cuda", dtype=torch.bfloat16) for _ in range(layers)],
        "drafted": torch.randn(layers, rows, row, generator=generator, device="cuda", dtype=torch.bfloat16),
        "slots": slots,
        "target": target,
        "draft": torch.where(accepted, target, target + 1),
        "accepted": accepted,
        "mask": torch.zeros(requests, drafts, device="cuda", dtype=torch.bool),
        "bonus": torch.ones(requests, 1, device="cuda", dtype=torch.bool),
        "flush": torch.empty(256 << 20, device="cuda", dtype=torch.uint8),
    }


def _baseline(state: dict[str, Any], compute: Any) -> Any:
    """Write everything, then find out what of it was accepted."""
    with _range("kv_write"):
        for cache, rows in zip(state["caches"], state["drafted"], strict=True):
            cache.index_copy_(0, state["slots"], rows)
    with _range("scv_compute_mask"):
        mask = compute()
    with _range("flush_l2"):
        state["flush"].fill_(0)
    # The verdict goes to the host, as the scheduler needs it.
    return mask.cpu()


def _nwor(state: dict[str, Any], compute: Any) -> Any:
    """Find out what is accepted, then write that."""
    import torch

    with _range("scv_compute_mask"):
        mask = compute()
    kept = torch.cat([mask, state["bonus"]], dim=1).flatten().nonzero().flatten()
    with _range("nwor_commit"):
        for cache, rows in zip(state["caches"], state["drafted"], strict=True):
            cache.index_copy_(0, state["slots"][kept], rows.index_select(0, kept))
    with _range("flush_l2"):
        state["flush"].fill_(0)
    return mask.cpu()


def _mask(mode: str, state: dict[str, Any]) -> Any:
    """The function that computes the mask in this mode."""
    import torch

    from collectors.kernels import compute_mask

    draft, target, mask = state["draft"], state["target"], state["mask"]

    def loop() -> Any:
        rows = [
            (draft[n] == target[n]).to(torch.int32).cumprod(0).to(torch.bool) for n in range(draft.shape[0])
        ]
        return torch.stack(rows)

    def vectorized() -> Any:
        compute_mask(draft, target, mask)
        return mask

    def thirds() -> Any:
        third = -(-draft.shape[0] // 3)
        for begin in range(0, draft.shape[0], third):
            here = slice(begin, begin + third)
            compute_mask(draft[here], target[here], mask[here])
            torch.cuda.current_stream().synchronize()
        return mask

    if mode == "off":
        return loop
    if mode == GUIDE:
        return thirds
    if mode == "vectorized":
        return vectorized
    # Compiled outside the capture.
    vectorized()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        compute_mask(draft, target, mask)

    def replay() -> Any:
        graph.replay()
        return mask

    return replay


def _waited(compute: Any) -> Any:
    """The mask, and the wait for it that the guide draws behind it."""
    import torch

    def computed() -> Any:
        found = compute()
        torch.cuda.synchronize()
        return found

    return computed


def _range(text: str) -> Any:
    import torch

    return torch.cuda.nvtx.range(text)


if __name__ == "__main__":
    runner.start(main, work)
