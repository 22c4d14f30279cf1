"""Each kind of layer of a model by prompt length, prefill and decode: times by nsys, counters by ncu."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from collectors import counters, engine, runner
from collectors.stages import Point, Stage
from collectors.worker import Capture, each, metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.runner import Options

# Kind of a layer by the name of its class; the first that matches.
_KINDS = (
    ("mamba2", r"mamba_?mixer2|mamba2"),
    ("mamba", r"mamba|ssm"),
    ("linear_attention", r"linear_?att|gated_?delta|lightning"),
    ("attention", r"att(entio)?n|mla"),
    ("moe", r"moe|expert|sparse"),
    ("mlp", r"mlp|feed_?forward|ffn"),
)


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
    settings = {**sizes, "model": model, "longest": max(lengths), "engine": engine.more_arguments(arguments)}
    stages = []
    if nsys:
        stages.append(Stage(name="layers_nsys", tool="nsys", settings=settings, **common))
    if ncu:
        once = {**settings, "repeats": 1, "one_call": True}
        stages.append(
            Stage(name="layers_ncu", tool="ncu", settings=once, profiler=counters.roofline(), **common)
        )
    return stages


def work(plan: dict[str, Any]) -> None:
    """The worker: one engine for all lengths."""
    # Room for the prompt and two tokens, whatever the model was made for.
    longest = plan["longest"] + 8

    def small(config: dict[str, Any]) -> dict[str, Any]:
        room = max(longest, config.get("max_position_embeddings", 0))
        return {**engine.few_layers(config, plan["layers"]), "max_position_embeddings": room}

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
    capture = Capture(plan["captured"])
    watch = _Watch(capture, one_call=plan.get("one_call", False))
    kinds = llm.apply_model(watch.wrap)[0]
    print(f"layers: {kinds}", flush=True)

    def measure(point: Any) -> list[dict[str, Any]]:
        length = int(point["tags"]["prompt_len"])
        steps = engine.Steps()
        for number in range(plan["repeats"]):
            prompt = engine.prompts(llm, 1, length, seed=number + 1)
            with watch.prompt(length):
                engine.generate(llm, prompt, 2, steps)
        return [metric("steps", "", len(steps.seconds)), metric("ranges", "", watch.ranges)]

    # Once unwatched: Triton kernels of a new shape are compiled and tuned on their first call.
    for point in plan["points"]:
        with suppress(Exception):  # It will fail again where it is measured, and be reported there.
            engine.generate(llm, engine.prompts(llm, 1, int(point["tags"]["prompt_len"]), seed=0), 2)
    # nsys records one window around all points, ncu one around each call of a layer.
    how = {"engine": "offline", **engine.settled(llm)["tags"], "warmup": "1", "seed": "1"}
    with capture.all():
        each(plan["points"], measure, capture, {**how, "repeats": str(plan["repeats"])})


class _Watch:
    """Puts NVTX ranges, and for ncu profiler windows, around the layers' calls while a prompt is watched."""

    def __init__(self, capture: Capture, *, one_call: bool) -> None:
        self._capture = capture
        self._one_call = one_call
        self._length = 0
        self._seen: dict[int, int] = {}
        self.ranges = 0

    @contextmanager
    def prompt(self, length: int) -> Iterator[None]:
        """While this prompt runs."""
        self._length, self._seen, self.ranges = length, {}, 0
        try:
            yield
        finally:
            self._length = 0

    def wrap(self, model: Any) -> dict[str, int]:
        """Wrap the layers of a model; returns how many of each kind.

        Under ncu only the first of a kind is wrapped: its counters stand for the others.
        """
        found: dict[str, int] = {}
        for kind, module in layers_of(model):
            found[kind] = found.get(kind, 0) + 1
            if found[kind] == 1 or not self._one_call:
                self._wrap(kind, module)
        if not found:
            raise RuntimeError("no layers were found in the model")
        return found

    def _wrap(self, kind: str, module: Any) -> None:
        inner = module.forward

        # Some models call their layers by position, others by keyword.
        def forward(*args: Any, **kwargs: Any) -> Any:
            if not self._length:
                return inner(*args, **kwargs)
            phase = self._phase(id(module), _tokens([*kwargs.values(), *args]))
            if phase == "prefill_earlier" and self._one_call:
                return inner(*args, **kwargs)
            with self._range(f"layer_roofline/layer_kind={kind}/phase={phase}/seq_len={self._length}"):
                return inner(*args, **kwargs)

        module.forward = forward

    def _phase(self, module: int, tokens: int) -> str:
        before = self._seen.get(module, 0)
        self._seen[module] = before + tokens
        if before >= self._length:
            return "decode"
        return "prefill" if before + tokens >= self._length else "prefill_earlier"

    @contextmanager
    def _range(self, text: str) -> Iterator[None]:
        import torch

        self.ranges += 1
        if self._one_call:
            self._capture.start()
        torch.cuda.nvtx.range_push(text)
        try:
            yield
        finally:
            torch.cuda.nvtx.range_pop()
            if self._one_call:
                self._capture.stop()


def _tokens(values: list[Any]) -> int:
    """Tokens of a call: rows of its first matrix of numbers, the hidden states."""
    return next(int(v.shape[0]) for v in values if getattr(v, "ndim", 0) == 2 and v.is_floating_point())


def layers_of(model: Any) -> list[tuple[str, Any]]:
    """Kind and module of everything that is measured, in the model's order.

    A decoder layer that holds several kinds (attention and MLP) counts as its parts; one that holds one kind
    (as those of hybrid models) as a whole, with its norm.
    """
    found: list[tuple[str, Any]] = []
    for layer in _decoder_layers(model):
        parts = [(kind_of(type(child).__name__), child) for child in layer.children()]
        known = [(kind, child) for kind, child in parts if kind is not None]
        kinds = {kind for kind, _ in known}
        if len(kinds) > 1:
            found += known
        elif kind := next(iter(kinds), kind_of(type(layer).__name__)):
            found.append((kind, layer))
    return found


def _decoder_layers(model: Any) -> list[Any]:
    """The modules of the list that the model calls its layers; of several the one nearest to the root."""
    lists = [
        (name.count("."), -len(module), name, module)
        for name, module in model.named_modules()
        if type(module).__name__ == "ModuleList" and re.search(r"(^|\.)(layers|h|blocks?)$", name)
    ]
    return list(min(lists, key=lambda found: found[:3])[3]) if lists else []


def kind_of(class_name: str) -> str | None:
    """The kind of layer that a class name tells.

    >>> [kind_of(n) for n in ("LlamaAttention", "LlamaMLP", "MambaMixer2", "RMSNorm", "LlamaDecoderLayer")]
    ['attention', 'mlp', 'mamba2', None, None]
    """
    return next((kind for kind, pattern in _KINDS if re.search(pattern, class_name, re.IGNORECASE)), None)


if __name__ == "__main__":
    runner.start(main, work)
