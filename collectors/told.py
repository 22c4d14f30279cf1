"""How vLLM runs what is measured, as it has settled it itself: tags of every row.

Asked of a worker of vLLM, in whose process the model and its layers are: what was asked for as "auto" is
settled there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def settled(config: Any) -> dict[str, Any]:
    """The configuration of an engine that has started.

    Args:
        config: vLLM's.

    Returns:
        ``tags``, which do not hang on the points that are measured; ``capture_sizes``, the tokens of the
        steps for which there are CUDA graphs; ``room``, how many sequences and tokens a step may have.
    """
    cache, parallel, scheduler = config.cache_config, config.parallel_config, config.scheduler_config
    compilation, model = config.compilation_config, config.model_config
    graphs = _name(compilation.cudagraph_mode)
    compiled = int(compilation.mode or 0) > 0
    has_graphs = graphs not in (None, "NONE")
    how = [name for name, holds in (("compiled", compiled), ("graphs", has_graphs)) if holds]
    dtype = str(model.dtype).removeprefix("torch.")
    kv_type = dtype if cache.cache_dtype == "auto" else str(cache.cache_dtype).removeprefix("torch.")
    tags = {
        "scheduling": "asynchronous" if scheduler.async_scheduling else "synchronous",
        "execution": "+".join(how) or "eager",
        "cudagraph_mode": graphs or "NONE",
        "prefix_caching": _on(cache.enable_prefix_caching),
        "chunked_prefill": _on(scheduler.enable_chunked_prefill),
        "dtype": dtype,
        "kv_cache_dtype": kv_type,
        "block_size": str(cache.block_size),
        "tensor_parallel_size": str(parallel.tensor_parallel_size),
        "pipeline_parallel_size": str(parallel.pipeline_parallel_size),
        "data_parallel_size": str(parallel.data_parallel_size),
        "expert_parallel": _on(parallel.enable_expert_parallel),
    }
    if model.quantization is not None:
        tags["quantization"] = str(model.quantization)
    if backends := _backends(compilation.static_forward_context):
        tags["attention_backend"] = "+".join(backends)
    return {
        "tags": tags,
        "capture_sizes": [int(size) for size in compilation.cudagraph_capture_sizes or ()],
        "room": {
            "max_num_seqs": str(scheduler.max_num_seqs),
            "max_num_batched_tokens": str(scheduler.max_num_batched_tokens),
            "max_model_len": str(model.max_model_len),
        },
    }


def _backends(layers: Mapping[str, Any]) -> list[str]:
    """The attention backends of a model's layers; a hybrid model has several."""
    found = {layer.get_attn_backend().get_name() for layer in layers.values() if _attends(layer)}
    return sorted(found)


def _attends(layer: Any) -> bool:
    return hasattr(layer, "get_attn_backend")


def _name(mode: Any) -> str | None:
    return None if mode is None else str(getattr(mode, "name", mode))


def _on(value: Any) -> str:
    return "on" if value else "off"


def graph_batch(tokens: int, capture_sizes: Sequence[int]) -> int | None:
    """The size of the CUDA graph that a step of so many tokens replays; None if none is as large.

    >>> graph_batch(3, [1, 2, 4]), graph_batch(5, [1, 2, 4])
    (4, None)
    """
    return min((size for size in capture_sizes if size >= tokens), default=None)


def unlike_vllm_serve(told: Mapping[str, Any], environment: Mapping[str, str], asked: Sequence[str]) -> str:
    """What differs from ``vllm serve MODEL`` without options, in words.

    Args:
        told: of `settled`.
        environment: the worker's.
        asked: arguments of the engine that bound what vLLM chooses itself.

    >>> told = {"tags": {"execution": "graphs", "cudagraph_mode": "FULL_DECODE_ONLY"}}
    >>> told["tags"]["prefix_caching"] = "off"
    >>> unlike_vllm_serve(told, {"VLLM_USE_V2_MODEL_RUNNER": "0"}, ["max_num_seqs"])
    'no HTTP; no tokenizer; no torch.compile; graphs FULL_DECODE_ONLY; no prefix caching; model runner V1; \
given max_num_seqs'
    """
    tags = told["tags"]
    found = ["no HTTP", "no tokenizer"]
    if "compiled" not in tags["execution"]:
        found.append("no torch.compile")
    if tags["cudagraph_mode"] != "FULL_AND_PIECEWISE":
        found.append(f"graphs {tags['cudagraph_mode']}")
    if tags["prefix_caching"] == "off":
        found.append("no prefix caching")
    if tags.get("scheduling") == "synchronous":
        found.append("synchronous scheduling")
    if environment.get("VLLM_USE_V2_MODEL_RUNNER") == "0":
        found.append("model runner V1")
    if environment.get("VLLM_USE_FLASHINFER_SAMPLER") == "0":
        found.append("no FlashInfer sampler")
    if asked:
        found.append(f"given {' '.join(sorted(asked))}")
    return "; ".join(found)
