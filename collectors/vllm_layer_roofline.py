"""Each kind of layer of a model by prompt length, prefill and decode: times by nsys, counters by ncu."""

from __future__ import annotations

import math
import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, engine, runner
from collectors.ranks import Ranks, of_rank
from collectors.stages import Point, Stage
from collectors.worker import Capture, each, metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.runner import Options


@click.command(
    epilog="""\b
Examples:
  traceql collect vllm-layer-roofline --dry-run
  traceql collect vllm-layer-roofline --model llama-3.1-8b --lengths 512,4096 --out results/llama_layers
  traceql ingest results/layers && traceql query layer-roofline
""",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@runner.options("layers")
@engine.model_options("nemotron-3-nano-4b", weights=False)
@runner.numbers("--lengths", ",".join(str(2**n) for n in range(2, 18)), "Tokens of the prompt.")
@runner.count("--chunk", 4096, "Tokens of a prefill step.")
@runner.count("--layers", 1, "Layers of each kind.")
@click.option("--whole", is_flag=True, help="All layers of the model in their order, in place of --layers.")
@runner.count("--repeats", 3, "Without ncu; under it once.")
@click.option("--plain", is_flag=True, help="Measure times, CPU and memory without a profiler, too.")
@click.option("--nsys/--no-nsys", default=True, show_default=True, help="Record times.")
@click.option("--ncu/--no-ncu", default=True, show_default=True, help="Record counters.")
@click.option(
    "--gpu-metrics",
    type=click.IntRange(0),
    default=0,
    metavar="HZ",
    help="Under nsys: sample the GPU so often.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="KIND/PHASE",
    help="Under ncu: these alone, as mamba2/prefill or */decode; repeatable.",
)
@click.option("--kv-cache-gib", type=float, default=3, show_default=True, help="Size of the KV cache.")
def main(
    shared: Options,
    model: str,
    arguments: str | None,
    lengths: list[int],
    whole: bool,
    **sizes: Any,
) -> None:
    """Record every kind of layer alone: batch 1, prompts of many lengths, prefill in chunks, a decode step.

    The model keeps one layer of each kind (--layers) with random weights: what a layer costs does not depend
    on the others, and ncu has less memory to save for each replay. With --whole it keeps all of them in their
    order, so that what a step takes can be set beside the sum of its layers; nsys puts a range around each
    step, layers_step/phase=prefill/seq_len=4096. Kinds are found by the classes of the
    model's layers. Each call of a layer is an NVTX range,
    layer_roofline/layer_kind=mlp/phase=prefill/seq_len=4096, which traceql query layer-roofline reads. A
    prompt longer than a chunk is prefilled in several steps: phase=prefill is the last, which sees the whole
    context; the steps before it are phase=prefill_earlier, recorded by nsys alone.
    """
    # No number of each kind is all that there are.
    sizes["layers"] = 0 if whole else sizes["layers"]
    runner.run("collectors.vllm_layer_roofline", _stages(model, arguments, lengths, sizes), shared)


def _stages(
    model: str, arguments: str | None, lengths: list[int], given_sizes: dict[str, Any]
) -> list[Stage]:
    sizes = dict(given_sizes)
    plain, nsys, ncu = sizes.pop("plain"), sizes.pop("nsys"), sizes.pop("ncu")
    only, gpu_metrics = sizes.pop("only"), sizes.pop("gpu_metrics")
    common: dict[str, Any] = {
        "points": [Point(f"seq_{n}", {"prompt_len": str(n)}) for n in lengths],
        "follows": ("longest",),
        "environment": engine.environment(model),
        "model": engine.name_of(model),
        "tags": {
            "collector": "vllm_layer_roofline",
            "chunk": str(sizes["chunk"]),
            "layers_of_each_kind": str(sizes["layers"] or "all"),
        },
    }
    given = engine.more_arguments(arguments)
    settings = {**sizes, "model": model, "longest": max(lengths), "engine": given}
    stages = []
    if plain:
        stages.append(Stage(name="layers_plain", table="layers", settings=settings, **common))
    if nsys:
        profiler = engine.profiled("nsys", given)
        if gpu_metrics:
            sampled = ("--gpu-metrics-devices=all", f"--gpu-metrics-frequency={gpu_metrics}")
            profiler["options"] = sampled
        stages.append(Stage(name="layers_nsys", tool="nsys", profiler=profiler, settings=settings, **common))
    if ncu:
        once = {**settings, "repeats": 1, "one_call": True, "only": list(only)}
        stages.append(
            Stage(
                name="layers_ncu",
                tool="ncu",
                settings=once,
                profiler={**engine.profiled("ncu", given), **counters.roofline(counters.OCCUPANCY)},
                **common,
            )
        )
    return stages


def work(plan: dict[str, Any]) -> None:
    """The worker: one engine for all lengths."""
    # Room for the prompt and two tokens, whatever the model was made for.
    longest = plan["longest"] + 8

    def small(config: dict[str, Any]) -> dict[str, Any]:
        room = max(longest, config.get("max_position_embeddings", 0))
        parts = plan["engine"].get("pipeline_parallel_size", 1)
        few = engine.few_layers(config, plan["layers"], parts) if plan["layers"] else {}
        return {**few, "max_position_embeddings": room}

    llm = engine.llm(
        engine.changed_model(plan["model"], small),
        random=True,
        **{
            "max_num_seqs": 1,
            "max_num_batched_tokens": plan["chunk"],
            "max_model_len": longest,
            "enable_chunked_prefill": True,
            "kv_cache_memory_bytes": engine.gib(plan["kv_cache_gib"]),
            **plan["engine"],
        },
    )
    ranks = Ranks(llm)
    capture = Capture(plan["captured"], ranks)
    kinds = ranks.ask("watch", plan["captured"], plan.get("one_call", False), plan.get("only", []))
    if not any(kinds):
        raise RuntimeError("no layers were found in the model")
    print(f"layers: {kinds}", flush=True)

    def measure(point: Any) -> list[dict[str, Any]]:
        length = int(point["tags"]["prompt_len"])
        runs = []
        if capture.mode == "no":
            ranks.ask("forget_memory")
        for number in range(plan["repeats"]):
            prompt = engine.prompts(llm, 1, length, seed=number + 1)
            run = _Run(length, plan["chunk"], capture if capture.mode == "all" else None)
            runs.append(run)
            if capture.mode != "no":
                ranks.ask("prompt", length)
            try:
                engine.generate(llm, prompt, 2, run.steps)
            finally:
                if capture.mode != "no":
                    ranks.ask("prompt", 0)
        found = [metric("steps", "", sum(len(run.steps.seconds) for run in runs))]
        if capture.mode == "no":
            return [*found, *_times(runs), *_memory(ranks.ask("memory")), *ranks.metrics()]
        ranges = ranks.ask("ranges")
        each_rank = [of_rank(n, "ranges", "", count) for n, count in enumerate(ranges)]
        found.append(metric("ranges", "", sum(ranges)))
        return [*found, *ranks.metrics(), *(each_rank if len(ranks) > 1 else ())]

    # Once unwatched: Triton kernels of a new shape are compiled and tuned on their first call.
    for point in plan["points"]:
        with suppress(Exception):  # It will fail again where it is measured, and be reported there.
            engine.generate(llm, engine.prompts(llm, 1, int(point["tags"]["prompt_len"]), seed=0), 2)
    # nsys records one window around all points, ncu one around each call of a layer.
    how = {"engine": "offline", **ranks.settled()["tags"], "warmup": "1", "seed": "1"}
    with capture.all():
        each(plan["points"], measure, capture, {**how, "repeats": str(plan["repeats"])})


class _Run:
    """One prompt and its decode step: the engine's steps, what phase each is, and the CPU time of each.

    Args:
        length: of the prompt, in tokens.
        chunk: tokens of a prefill step.
        capture: puts a range around each step, if there is one.
    """

    def __init__(self, length: int, chunk: int, capture: Capture | None) -> None:
        self._length, self._last = length, math.ceil(length / chunk) - 1
        self._capture = capture
        self.cpu_seconds: list[float] = []
        self.steps = engine.Steps(before=self._before, after=self._after)

    def phase(self, number: int) -> str:
        """Of a step: as `layers.Watch` calls it."""
        if number > self._last:
            return "decode"
        return "prefill" if number == self._last else "prefill_earlier"

    def _before(self, number: int) -> None:
        if self._capture is not None:
            self._capture.push(f"layers_step/phase={self.phase(number)}/seq_len={self._length}")
        # Of all threads of this process.
        self.cpu_seconds.append(-time.process_time())

    def _after(self, _number: int) -> None:
        self.cpu_seconds[-1] += time.process_time()
        if self._capture is not None:
            self._capture.pop()

    def of(self, *phases: str) -> tuple[float, float]:
        """Seconds of the steps of some phases, and CPU seconds in them."""
        chosen = [n for n in range(len(self.steps.seconds)) if self.phase(n) in phases]
        return sum(self.steps.seconds[n] for n in chosen), sum(self.cpu_seconds[n] for n in chosen)


def _times(runs: Sequence[_Run]) -> list[dict[str, Any]]:
    """Medians of what prefill, its last step and decode took, and how busy a CPU was with them."""
    found = []
    for name, phases in (
        ("prefill", ("prefill_earlier", "prefill")),
        ("last_prefill_step", ("prefill",)),
        ("decode", ("decode",)),
    ):
        wall, cpu = zip(*(run.of(*phases) for run in runs), strict=True)
        found.append(metric(f"{name}_ms", "ms", 1e3 * statistics.median(wall)))
        found.append(metric(f"{name}_cpu_pct", "%", 100 * sum(cpu) / sum(wall)))
    return found


def _memory(of_ranks: Sequence[dict[str, int]]) -> list[dict[str, Any]]:
    """Bytes on all GPUs together."""
    names = of_ranks[0] if of_ranks else ()
    return [metric(name, "bytes", sum(one[name] for one in of_ranks)) for name in names]


if __name__ == "__main__":
    runner.start(main, work)
