"""vLLM, as the workers use it: offline, one process, random weights if there are no others.

Written for vLLM 0.26. torch and vllm are imported when a function runs, never when this module is.
"""

from __future__ import annotations

import json
import random
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors.worker import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

F = TypeVar("F", bound="Callable[..., Any]")

MODELS = Path(__file__).parent / "models"

#: For every worker that starts vLLM. The engine runs in the worker's own process, where its layers can be
#: reached and its steps be timed; model runner V1, because V2 (the default of dense models) has no such
#: hooks.
ENVIRONMENT = (
    "VLLM_ENABLE_V1_MULTIPROCESSING=0",
    "VLLM_USE_V2_MODEL_RUNNER=0",
    "VLLM_USE_FLASHINFER_SAMPLER=0",
    "VLLM_NO_USAGE_STATS=1",
    "VLLM_LOGGING_LEVEL=WARNING",
)


def environment(model: str) -> tuple[str, ...]:
    """The variables of a worker; a local model asks no hub anything."""
    return (*ENVIRONMENT, "HF_HUB_OFFLINE=1") if folder(model) else ENVIRONMENT


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
    For a hybrid model, whose blocks are as large as its other states, it is left to vLLM.

    >>> sizes = dict(num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, head_dim=128)
    >>> kv_cache(sizes, sequences=1, tokens=64)
    {'kv_cache_memory_bytes': 18874368}
    """
    if "hybrid_override_pattern" in config or "layers_block_type" in config:
        return {}
    heads = config["num_attention_heads"]
    width = (config.get("head_dim") or config["hidden_size"] // heads) * (
        config.get("num_key_value_heads") or heads
    )
    # Blocks of 16 tokens, the last of a sequence only partly filled; and some blocks that are never given
    # out.
    blocks = sequences * (-(-tokens // 16) + 1) + 4
    return {"kv_cache_memory_bytes": 2 * 2 * width * config["num_hidden_layers"] * 16 * blocks}


def changed_model(model: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> str:
    """A folder with the model's config.json, changed (fewer layers, longer prompts); it has no weights.

    Args:
        model: as for `folder`.
        change: gets the config and returns what is different; None removes a key.
    """
    config = config_of(model)
    config = {**config, **change(config)}
    target = Path(tempfile.mkdtemp(prefix="traceql-model-"))
    kept = {name: value for name, value in config.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept), encoding="utf-8")
    return str(target)


def few_layers(config: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """The change that leaves the first layers; of a hybrid model one of each kind, so often.

    >>> few_layers({"num_hidden_layers": 32}, 2)
    {'num_hidden_layers': 2}
    >>> few_layers({"hybrid_override_pattern": "M-M-M*-"}, 1)
    {'hybrid_override_pattern': 'M-*', 'num_hidden_layers': None}
    >>> few_layers({"layer_types": ["linear", "linear", "full", "linear"]}, 1)
    {'layer_types': ['linear', 'linear', 'full'], 'num_hidden_layers': 3}
    """
    if (pattern := config.get("hybrid_override_pattern")) is not None:
        return {
            "hybrid_override_pattern": "".join(dict.fromkeys(pattern)) * layers,
            "num_hidden_layers": None,
        }
    for key in ("layers_block_type", "layer_types"):
        if types := config.get(key):
            # What else depends on a layer's place stays right when the first ones are kept in order.
            kept = max(layers, 1 + max(types.index(kind) for kind in set(types)))
            return {key: types[:kept], "num_hidden_layers": kept}
    return {"num_hidden_layers": layers}


def llm(model: str, *, random: bool, graphs: Sequence[int] = (), **arguments: Any) -> Any:
    """Start vLLM for offline work; the arguments are those of `llm_arguments`."""
    from vllm import LLM

    return LLM(**llm_arguments(model, random=random, graphs=graphs, **arguments))


def llm_arguments(
    model: str, *, random: bool, graphs: Sequence[int] = (), **arguments: Any
) -> dict[str, Any]:
    """Arguments of vLLM's engines.

    Args:
        model: folder or name.
        random: random weights.
        graphs: batch sizes for whose decode steps CUDA graphs are captured; eager without any.
        **arguments: more, and in place of those here.
    """
    place = folder(model)
    given: dict[str, Any] = {
        "model": str(place) if place else model,
        "dtype": "bfloat16",
        "skip_tokenizer_init": True,
        "enable_prefix_caching": False,
        # One step after the other: then the time of a step is what its work takes.
        "async_scheduling": False,
        "profiler_config": {"profiler": "cuda"},
        "enforce_eager": not graphs,
    }
    if random:
        given["load_format"] = "dummy"
    if graphs:
        # No torch.compile, whose compilation takes longer than a sweep.
        given["compilation_config"] = {
            "mode": 0,
            "cudagraph_mode": "FULL_DECODE_ONLY",
            "cudagraph_capture_sizes": sorted(graphs),
        }
    return {**given, **arguments}


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
    """

    seconds: list[float] = field(default_factory=list)
    before: Callable[[int], None] = lambda _: None
    after: Callable[[int], None] = lambda _: None


def generate(engine: Any, batch: Sequence[Any], tokens: int, steps: Steps | None = None) -> float:
    """Let the engine generate so many tokens for each prompt; returns the seconds from start to end."""
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False)
    with _watched(engine, steps or Steps()):
        began = clock()
        outputs = engine.generate(list(batch), sampling, use_tqdm=False)
        seconds = clock() - began
    made = [len(output.outputs[0].token_ids) for output in outputs]
    if made != [tokens] * len(batch):
        raise RuntimeError(f"{tokens} tokens were asked for, but {min(made)} to {max(made)} came")
    return seconds


@contextmanager
def _watched(engine: Any, steps: Steps) -> Iterator[None]:
    """Time the engine's steps. Without async scheduling a step ends when its tokens are there."""
    original = engine.llm_engine.step

    def step(*args: Any, **kwargs: Any) -> Any:
        number = len(steps.seconds)
        steps.before(number)
        began = clock()
        outputs = original(*args, **kwargs)
        steps.seconds.append(clock() - began)
        steps.after(number)
        return outputs

    engine.llm_engine.step = step
    try:
        yield
    finally:
        engine.llm_engine.step = original


def facts(engine: Any) -> dict[str, str]:
    """Tags that the queries about sweeps read, from the model as it was loaded.

    ``weight_bytes``: what a decode step has to read, so without the embedding table, of which it reads a row
    per token. ``flop_per_token``: 2 for each weight of the layers, so without embedding and output layer.
    """

    def sizes(model: Any) -> tuple[int, int, int, int]:
        total_bytes = total = embedding_bytes = outside = 0
        for name, parameter in model.named_parameters():
            total_bytes += parameter.numel() * parameter.element_size()
            total += parameter.numel()
            if "embed_tokens" in name or "embeddings" in name:
                embedding_bytes += parameter.numel() * parameter.element_size()
                outside += parameter.numel()
            elif "lm_head" in name:
                outside += parameter.numel()
        return total_bytes, total, embedding_bytes, outside

    total_bytes, total, embedding_bytes, outside = engine.apply_model(sizes)[0]
    # Tied embeddings are the output layer too, which every step reads as a whole.
    tied = bool(getattr(engine.llm_engine.model_config.hf_config, "tie_word_embeddings", False))
    return {
        "weight_bytes": str(total_bytes - (0 if tied else embedding_bytes)),
        "flop_per_token": str(2 * (total - outside)),
    }


def gib(value: float) -> int:
    """GiB as bytes."""
    return int(value * (1 << 30))
