"""Each kind of layer of a model by prompt length, prefill and decode: times by nsys, counters by ncu."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, engine, runner
from collectors.ranks import Ranks, of_rank
from collectors.stages import Point, Stage
from collectors.worker import Capture, each, metric

if TYPE_CHECKING:
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
@runner.count("--repeats", 3, "Under nsys; under ncu once.")
@click.option("--nsys/--no-nsys", default=True, show_default=True, help="Record times.")
@click.option("--ncu/--no-ncu", default=True, show_default=True, help="Record counters.")
@click.option("--kv-cache-gib", type=float, default=3, show_default=True, help="Size of the KV cache.")
def main(
    shared: Options,
    model: str,
    arguments: str | None,
    lengths: list[int],
    nsys: bool,
    ncu: bool,
    **sizes: Any,
) -> None:
    """Record every kind of layer alone: batch 1, prompts of many lengths, prefill in chunks, a decode step.

    The model keeps one layer of each kind (--layers) with random weights: what a layer costs does not depend
    on the others, and ncu has less memory to save for each replay. Kinds are found by the classes of the
    model's layers. Each call of a layer is an NVTX range,
    layer_roofline/layer_kind=mlp/phase=prefill/seq_len=4096, which traceql query layer-roofline reads. A
    prompt longer than a chunk is prefilled in several steps: phase=prefill is the last, which sees the whole
    context; the steps before it are phase=prefill_earlier, recorded by nsys alone.
    """
    runner.run("collectors.vllm_layer_roofline", _stages(model, arguments, lengths, nsys, ncu, sizes), shared)


def _stages(
    model: str, arguments: str | None, lengths: list[int], nsys: bool, ncu: bool, sizes: dict[str, Any]
) -> list[Stage]:
    common: dict[str, Any] = {
        "points": [Point(f"seq_{n}", {"prompt_len": str(n)}) for n in lengths],
        "follows": ("longest",),
        "environment": engine.environment(model),
        "model": engine.name_of(model),
        "tags": {
            "collector": "vllm_layer_roofline",
            "chunk": str(sizes["chunk"]),
            "layers_of_each_kind": str(sizes["layers"]),
        },
    }
    given = engine.more_arguments(arguments)
    settings = {**sizes, "model": model, "longest": max(lengths), "engine": given}
    stages = []
    if nsys:
        profiler = engine.profiled("nsys", given)
        stages.append(Stage(name="layers_nsys", tool="nsys", profiler=profiler, settings=settings, **common))
    if ncu:
        once = {**settings, "repeats": 1, "one_call": True}
        stages.append(
            Stage(
                name="layers_ncu",
                tool="ncu",
                settings=once,
                profiler={**engine.profiled("ncu", given), **counters.roofline()},
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
        few = engine.few_layers(config, plan["layers"], plan["engine"].get("pipeline_parallel_size", 1))
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
    kinds = ranks.ask("watch", plan["captured"], plan.get("one_call", False))
    if not any(kinds):
        raise RuntimeError("no layers were found in the model")
    print(f"layers: {kinds}", flush=True)

    def measure(point: Any) -> list[dict[str, Any]]:
        length = int(point["tags"]["prompt_len"])
        steps = engine.Steps()
        for number in range(plan["repeats"]):
            prompt = engine.prompts(llm, 1, length, seed=number + 1)
            ranks.ask("prompt", length)
            try:
                engine.generate(llm, prompt, 2, steps)
            finally:
                ranks.ask("prompt", 0)
        ranges = ranks.ask("ranges")
        each_rank = [of_rank(n, "ranges", "", count) for n, count in enumerate(ranges)]
        found = [metric("steps", "", len(steps.seconds)), metric("ranges", "", sum(ranges))]
        return [*found, *ranks.metrics(), *(each_rank if len(ranks) > 1 else ())]

    # Once unwatched: Triton kernels of a new shape are compiled and tuned on their first call.
    for point in plan["points"]:
        with suppress(Exception):  # It will fail again where it is measured, and be reported there.
            engine.generate(llm, engine.prompts(llm, 1, int(point["tags"]["prompt_len"]), seed=0), 2)
    # nsys records one window around all points, ncu one around each call of a layer.
    how = {"engine": "offline", **ranks.settled()["tags"], "warmup": "1", "seed": "1"}
    with capture.all():
        each(plan["points"], measure, capture, {**how, "repeats": str(plan["repeats"])})


if __name__ == "__main__":
    runner.start(main, work)
