"""vLLM, as the workers use it: offline, one process, random weights if there are no others.

Written for vLLM 0.20 to 0.33, see docs/collecting.md. torch and vllm are imported when a function runs, never
when this module is.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import random
import shutil
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors import ranks, told
from collectors.occupancy import Occupancy, watcher
from collectors.worker import SCRATCH, clock, metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from traceql.record.tools import Tool

F = TypeVar("F", bound="Callable[..., Any]")

MODELS = Path(__file__).parent / "models"

#: Keys of a config.json whose model keeps other states than keys and values, too.
_HYBRID = frozenset({"hybrid_override_pattern", "layers_block_type", "linear_num_key_heads"})
#: Kinds of layers, in ``layer_types``, that keep keys and values.
_ATTENTION = frozenset({"full_attention", "sliding_attention", "chunked_attention"})

#: For every worker that starts vLLM. The engine runs in the worker's own process, where its layers can be
#: reached and its steps be timed; model runner V1, because V2 (the default of dense models) has no such
#: hooks.
ENVIRONMENT = (
    "VLLM_ENABLE_V1_MULTIPROCESSING=0",
    "VLLM_USE_V2_MODEL_RUNNER=0",
    "VLLM_USE_FLASHINFER_SAMPLER=0",
    "VLLM_NO_USAGE_STATS=1",
    "VLLM_LOGGING_LEVEL=WARNING",
    # Ranks that are processes are started anew, so that a profiler follows them from their start.
    "VLLM_WORKER_MULTIPROC_METHOD=spawn",
)
#: Of these, what keeps an engine from running as it does when it serves.
_STEPWISE = frozenset({"VLLM_ENABLE_V1_MULTIPROCESSING=0", "VLLM_USE_V2_MODEL_RUNNER=0"})


def environment(model: str, *, served: bool = False) -> tuple[str, ...]:
    """The variables of a worker; a local model asks no hub anything.

    Args:
        model: as for `folder`.
        served: the engine runs as it does when it serves: in a process of its own, with vLLM's own choice of
            a model runner.
    """
    found = tuple(one for one in ENVIRONMENT if not (served and one in _STEPWISE))
    return (*found, "HF_HUB_OFFLINE=1") if folder(model) else found


def model_options(default: str, *, weights: bool = True) -> Callable[[F], F]:
    """The options that say which model, with which weights (if there is a choice), and how it is run."""
    model = click.option(
        "--model",
        default=default,
        show_default=True,
        help="A name under collectors/models, a folder with config.json, or a model of the hub.",
    )
    weight = click.option(
        "--weights",
        type=click.Choice(["auto", "random", "real"]),
        default="auto",
        show_default=True,
        help="auto: random ones where the folder holds none.",
    )
    more = click.option(
        "--engine",
        "arguments",
        metavar="JSON",
        help='More arguments of vllm.LLM: {"tensor_parallel_size": 2}.',
    )

    def decorate(function: F) -> F:
        for option in (more, weight, model) if weights else (more, model):
            function = option(function)
        return function

    return decorate


def more_arguments(arguments: str | None) -> dict[str, Any]:
    """The arguments of ``--engine``.

    Raises:
        click.BadParameter: it is not an object in JSON.
    """
    try:
        found = json.loads(arguments or "{}")
    except ValueError as error:
        raise click.BadParameter(f"--engine is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise click.BadParameter("--engine is not an object")
    return found


def profiled(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a profiler has to be told because of the arguments of ``--engine``.

    Args:
        tool: nsys or ncu.
        given: of `more_arguments`.

    Raises:
        click.UsageError: ncu, and ranks that wait for each other.
    """
    ranks = math.prod(int(given.get(f"{kind}_parallel_size") or 1) for kind in ("tensor", "pipeline"))
    if ranks == 1:
        return {}
    if tool == "ncu":
        raise click.UsageError(
            f"ncu repeats each kernel alone, and a kernel of one of {ranks} ranks waits for the others: "
            "leave --ncu out, and count on one GPU what a rank does."
        )
    return {"follow_forks": True}


def folder(model: str) -> Path | None:
    """The folder of a local model: one of those shipped, or a path; None for a model of the hub."""
    for place in (MODELS / model, Path(model)):
        if (place / "config.json").is_file():
            return place.resolve()
    return None


def name_of(model: str) -> str:
    """What a model is called in tags: no path, which would tell whose machine it was."""
    return Path(model).name if folder(model) else model


def random_weights(model: str, weights: str) -> bool:
    """Whether a model gets random weights."""
    if weights != "auto":
        return weights == "random"
    place = folder(model)
    return place is not None and not any(place.glob("*.safetensors"))


def config_of(model: str) -> dict[str, Any]:
    """The config.json of a model, local or on the hub."""
    if (place := folder(model)) is not None:
        return dict(json.loads((place / "config.json").read_text(encoding="utf-8")))
    from transformers import PretrainedConfig

    config, _ = PretrainedConfig.get_config_dict(model)
    return dict(config)


def kv_cache(config: Mapping[str, Any], sequences: int, tokens: int) -> dict[str, int]:
    """The argument that makes the KV cache as large as so many sequences of so many tokens need, in bf16.

    Left to itself vLLM takes most of the GPU's memory, all of which ncu saves and restores for each replay.
    For a hybrid model, whose blocks are as large as its other states, it is left to vLLM; so it is where the
    sizes have names that nobody here knows.

    >>> sizes = dict(num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, head_dim=128)
    >>> kv_cache(sizes, sequences=1, tokens=64)
    {'kv_cache_memory_bytes': 18874368}
    >>> kv_cache(dict(n_layer=12, n_head=12, n_embd=768), sequences=1, tokens=64)
    {'kv_cache_memory_bytes': 5308416}

    Multi-head latent attention keeps one vector per token and layer, for all heads and for keys and values.

    >>> latent = dict(num_hidden_layers=61, num_attention_heads=128, kv_lora_rank=512, qk_rope_head_dim=64)
    >>> kv_cache(latent, sequences=1, tokens=64)
    {'kv_cache_memory_bytes': 10119168}
    """
    # A model that sees, too, has its language model inside.
    config = {**config, **(config.get("text_config") or {})}
    if _HYBRID & config.keys() or set(config.get("layer_types") or ()) - _ATTENTION:
        return {}
    layers = config.get("num_hidden_layers") or config.get("n_layer")
    bytes_per_token = _kv_bytes_per_token(config)
    if not layers or not bytes_per_token:
        return {}
    # Blocks of 16 tokens, the last of a sequence only partly filled; and some blocks that are never given
    # out.
    blocks = sequences * (-(-tokens // 16) + 1) + 4
    return {"kv_cache_memory_bytes": bytes_per_token * layers * 16 * blocks}


def _kv_bytes_per_token(config: Mapping[str, Any]) -> int | None:
    """Of one layer, in bf16; None if the config does not say it in words that are known."""
    if rank := config.get("kv_lora_rank"):
        return 2 * int(rank + config.get("qk_rope_head_dim", 0))
    heads = config.get("num_attention_heads") or config.get("n_head")
    hidden = config.get("hidden_size") or config.get("n_embd")
    if not heads or not (config.get("head_dim") or hidden):
        return None
    key_value_heads = config.get("num_key_value_heads") or heads
    return 2 * 2 * int(config.get("head_dim") or hidden // heads) * int(key_value_heads)


def changed_model(model: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> str:
    """A folder with the model's config.json, changed (fewer layers, longer prompts); it has no weights.

    It goes when this process ends, or before, with the worker's folder.

    Args:
        model: as for `folder`.
        change: gets the config and returns what is different; None removes a key.
    """
    config = config_of(model)
    config = {**config, **change(config)}
    scratch = os.environ.get(SCRATCH)
    target = Path(tempfile.mkdtemp(prefix="traceql-model-", dir=scratch))
    if scratch is None:
        # Nobody else removes it.
        atexit.register(shutil.rmtree, target, ignore_errors=True)
    kept = {name: value for name, value in config.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept), encoding="utf-8")
    return str(target)


def few_layers(config: Mapping[str, Any], layers: int, parts: int = 1) -> dict[str, Any]:
    """The change that leaves the first layers; of a hybrid model one of each kind, so often.

    Args:
        config: of the model.
        layers: how many, or how often.
        parts: into which a pipeline divides the layers; each of them has as many.

    >>> few_layers({"num_hidden_layers": 32}, 2)
    {'num_hidden_layers': 2}
    >>> few_layers({"hybrid_override_pattern": "M-M-M*-"}, 1)
    {'hybrid_override_pattern': 'M-*', 'num_hidden_layers': None}
    >>> few_layers({"layer_types": ["linear", "linear", "full", "linear"]}, 1)
    {'layer_types': ['linear', 'linear', 'full'], 'num_hidden_layers': 3}
    >>> few_layers({"text_config": {"num_hidden_layers": 32, "head_dim": 128}}, 2)
    {'text_config': {'num_hidden_layers': 2, 'head_dim': 128}}
    >>> few_layers({"n_layer": 12}, 2)
    {'n_layer': 2}
    >>> few_layers({"layer_types": ["linear", "full"] * 4}, 1, parts=2)
    {'layer_types': ['linear', 'full', 'linear', 'full'], 'num_hidden_layers': 4}
    """
    if text := config.get("text_config"):
        return {"text_config": {**text, **few_layers(text, layers, parts)}}
    if (pattern := config.get("hybrid_override_pattern")) is not None:
        return {
            "hybrid_override_pattern": "".join(dict.fromkeys(pattern)) * layers * parts,
            "num_hidden_layers": None,
        }
    for key in ("layers_block_type", "layer_types"):
        if types := config.get(key):
            # What else depends on a layer's place stays right when the first ones are kept in order.
            kept = types[: parts * max(layers, 1 + max(types.index(kind) for kind in set(types)))]
            return {key: kept, "num_hidden_layers": len(kept)}
    return {"n_layer" if "n_layer" in config else "num_hidden_layers": layers * parts}


def llm(
    model: str, *, random: bool, graphs: Sequence[int] = (), served: bool = False, **arguments: Any
) -> Any:
    """Start vLLM for offline work; the arguments are those of `llm_arguments`."""
    from vllm import LLM

    return LLM(**llm_arguments(model, random=random, graphs=graphs, served=served, **arguments))


def llm_arguments(
    model: str, *, random: bool, graphs: Sequence[int] = (), served: bool = False, **arguments: Any
) -> dict[str, Any]:
    """Arguments of vLLM's engines.

    Args:
        model: folder or name.
        random: random weights.
        graphs: batch sizes for whose decode steps CUDA graphs are captured; eager without any.
        served: scheduling, graphs and compilation are left to vLLM, as when it serves.
        **arguments: more, and in place of those here.
    """
    place = folder(model)
    given: dict[str, Any] = {
        "model": str(place) if place else model,
        "dtype": "bfloat16",
        "skip_tokenizer_init": True,
        "enable_prefix_caching": False,
        "worker_extension_cls": ranks.EXTENSION,
    }
    if random:
        given["load_format"] = "dummy"
    if served:
        return {**given, **arguments}
    given |= {
        # One step after the other: then the time of a step is what its work takes.
        "async_scheduling": False,
        "profiler_config": {"profiler": "cuda"},
        "enforce_eager": not graphs,
    }
    if graphs:
        # No torch.compile, whose compilation takes longer than a sweep.
        given["compilation_config"] = {
            "mode": 0,
            "cudagraph_mode": "FULL_DECODE_ONLY",
            "cudagraph_capture_sizes": sorted(graphs),
        }
    return {**given, **arguments}


def every_batch(largest: int, tokens: int = 1) -> list[int]:
    """Sizes of CUDA graphs so that every batch up to the largest replays one, at most twice as large.

    Args:
        largest: sequences of a step.
        tokens: of a sequence in a step: one, and one for each draft.

    >>> every_batch(48), every_batch(4, tokens=5)
    ([1, 2, 4, 8, 16, 32, 48], [5, 10, 20])
    """
    sizes = {2**n for n in range(largest.bit_length())} | {largest}
    return [tokens * size for size in sorted(sizes)]


def graph_metric(tokens: int, capture_sizes: Sequence[int]) -> list[dict[str, Any]]:
    """``graph_batch``: the size of the graph that a step of so many tokens replays; nothing if none."""
    size = told.graph_batch(tokens, capture_sizes)
    return [] if size is None else [metric("graph_batch", "", size)]


def prompts(engine: Any, count: int, length: int, seed: int = 0) -> list[dict[str, list[int]]]:
    """Prompts of random tokens: all different, so that nothing is cached."""
    vocabulary = engine.llm_engine.model_config.get_vocab_size()
    draw = random.Random(seed)  # noqa: S311 - for a workload, not for secrets
    return [{"prompt_token_ids": draw.choices(range(vocabulary), k=length)} for _ in range(count)]


@dataclass
class Steps:
    """The engine's steps during `generate`.

    Attributes:
        seconds: of each step.
        before: called with the number of the step that begins, from 0.
        after: called with the number of the step that ended.
        occupancy: how full the engine was after each.
    """

    seconds: list[float] = field(default_factory=list)
    before: Callable[[int], None] = lambda _: None
    after: Callable[[int], None] = lambda _: None
    occupancy: Occupancy = field(default_factory=Occupancy)


def generate(engine: Any, batch: Sequence[Any], tokens: int, steps: Steps | None = None) -> float:
    """Let the engine generate so many tokens for each prompt; returns the seconds from start to end.

    Args:
        engine: a vllm.LLM.
        batch: the prompts.
        tokens: for each.
        steps: of the engine, if they are to be looked at; else they may overlap, or be another process's.
    """
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False)
    with _watched(engine, steps) if steps else nullcontext():
        began = clock()
        outputs = engine.generate(list(batch), sampling, use_tqdm=False)
        seconds = clock() - began
    made = [len(output.outputs[0].token_ids) for output in outputs]
    if made != [tokens] * len(batch):
        raise RuntimeError(f"{tokens} tokens were asked for, but {min(made)} to {max(made)} came")
    return seconds


@contextmanager
def _watched(engine: Any, steps: Steps) -> Iterator[None]:
    """Time the engine's steps. Without async scheduling a step ends when its tokens are there.

    A pipeline is called once to begin a step, and again for its tokens: both calls are one step.
    """
    core, original, get_output = engine.llm_engine.engine_core, engine.llm_engine.step, None
    look = watcher(engine)
    begun: list[float] = []
    ends = [True]

    def got(*args: Any, **kwargs: Any) -> Any:
        assert get_output is not None
        found = get_output(*args, **kwargs)
        ends[0] = bool(found.outputs)
        return found

    def step(*args: Any, **kwargs: Any) -> Any:
        number = len(steps.seconds)
        if not begun:
            steps.before(number)
            begun.append(clock())
        outputs = original(*args, **kwargs)
        if ends[0]:
            steps.seconds.append(clock() - begun.pop())
            look(steps.occupancy)
            steps.after(number)
        return outputs

    engine.llm_engine.step = step
    if engine.llm_engine.vllm_config.parallel_config.pipeline_parallel_size > 1:
        get_output, core.get_output = core.get_output, got
    try:
        yield
    finally:
        engine.llm_engine.step = original
        if get_output is not None:
            core.get_output = get_output


def facts(engine: Any, sizes: Sequence[Mapping[str, int]]) -> dict[str, str]:
    """Tags that the queries about sweeps read, from the model as it was loaded; see `weight_tags`.

    Args:
        engine: a vllm.LLM.
        sizes: of the weights of each rank.
    """
    model = engine.llm_engine.model_config.hf_config.to_dict()
    return weight_tags(ranks.total(sizes), model)


def weight_tags(sizes: Mapping[str, int], config: Mapping[str, Any]) -> dict[str, str]:
    """Tags about weights, as far as they are known.

    Args:
        sizes: of `ranks.weights`.
        config: of the model.

    Returns:
        ``weight_bytes``: what a decode step has to read, so without the embedding table, of which it reads a
        row per token; left out where a router chooses among experts, for then it depends on the batch.
        ``flop_per_token``: 2 for each weight of the layers that a token meets, so without embedding and
        output layer, and of the experts as many as are chosen; left out where weights are packed.

    >>> dense = dict(bytes=260, count=130, embedding_bytes=40, embedding_count=20, output_count=20)
    >>> weight_tags({**dense, "expert_count": 0, "packed": 0}, {})
    {'weight_bytes': '220', 'flop_per_token': '180'}
    >>> weight_tags({**dense, "expert_count": 80, "packed": 0}, dict(num_experts=8, num_experts_per_tok=2))
    {'flop_per_token': '60'}
    """
    config = {**config, **(config.get("text_config") or {})}
    # Tied embeddings are the output layer too, which every step reads as a whole.
    unread = 0 if config.get("tie_word_embeddings") else sizes["embedding_bytes"]
    found = {} if sizes["expert_count"] else {"weight_bytes": str(sizes["bytes"] - unread)}
    of_layers = sizes["count"] - sizes["embedding_count"] - sizes["output_count"]
    if sizes["expert_count"]:
        keys = ("num_experts", "num_local_experts", "n_routed_experts")
        experts = next((config[key] for key in keys if config.get(key)), None)
        chosen = config.get("num_experts_per_tok")
        if not experts or not chosen:
            return found
        of_layers -= sizes["expert_count"] - sizes["expert_count"] * chosen // experts
    return found if sizes["packed"] else {**found, "flop_per_token": str(2 * of_layers)}


def gib(value: float) -> int:
    """GiB as bytes."""
    return int(value * (1 << 30))
