"""What a ``quantization_config`` says: which weights are stored in how many bits, and multiplied in what.

Read are the forms of Hugging Face's quantisers, compressed-tensors and NVIDIA's Model Optimizer. As serving
engines do, matrices of the layers are quantised unless they are excluded; the embedding, routers and
convolutions never are, and the output projection only where the configuration says so.

Scales and zero points are left out: 0.02 % of the weights' bytes with fp8 blocks of 128 × 128, 4 % with int4
groups of 128, 12 % with nvfp4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from traceql.errors import PredictionError
from traceql.predict import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Format:
    """How quantised weights are stored.

    Attributes:
        bits: of one weight.
        precision: what they are multiplied in, on GPUs that have a peak in it. None (weight-only
            quantisation), and on other GPUs: in that of all else, after unpacking.
    """

    bits: int
    precision: str | None = None


@dataclass(frozen=True)
class Quantisation:
    """Rules, of which the first that fits a matrix decides.

    Attributes:
        rules: (does it fit a name of a matrix, its format or None if it stays as it is).
        default: where none fits.
        output_projection: whether the default is also that of the output projection.
        kv_dtype: type of the KV cache; None where nothing is said.
    """

    rules: tuple[tuple[Callable[[str], bool], Format | None], ...]
    default: Format | None
    output_projection: bool = False
    kv_dtype: str | None = None

    def format_of(self, names: Iterable[str]) -> Format | None:
        """The format of a matrix that has these names; None if it is not quantised."""
        known = tuple(names)
        for fits, chosen in self.rules:
            if any(fits(name) for name in known):
                return chosen
        if "lm_head" in known and not self.output_projection:
            return None
        return self.default


_FP8 = Format(8, "fp8")
_INT8 = Format(8, "int8")
_NVFP4 = Format(4, "fp4")

# Names of NVIDIA's Model Optimizer; W says weights, A activations.
_MODELOPT: Mapping[str, Format] = MappingProxyType(
    {
        "FP8": _FP8,
        "FP8_PER_CHANNEL_PER_TOKEN": _FP8,
        "FP8_BLOCK_SCALES": _FP8,
        "FP8_PB_WO": Format(8),
        "MXFP8": _FP8,
        "NVFP4": _NVFP4,
        "NVFP4_AWQ": _NVFP4,
        "W4A16_NVFP4": Format(4),
        "W4A8_NVFP4_FP8": Format(4, "fp8"),
        "W4A8_MXFP4_FP8": Format(4, "fp8"),
        "W4A16_AWQ": Format(4),
        "W4A8_AWQ": Format(4, "fp8"),
        "W8A16": Format(8),
        "W8A8_SQ_PER_CHANNEL": _INT8,
        "INT8_SQ": _INT8,
    }
)

# Keys under which the quantisers list what they leave alone.
_EXCLUDED = (
    "modules_to_not_convert",
    "ignored_layers",
    "ignore",
    "exclude_modules",
    "llm_int8_skip_modules",
)


def from_config(found: Mapping[str, Any]) -> Quantisation:
    """What the ``quantization_config`` of a model says, or the content of a ``hf_quant_config.json``.

    Raises:
        PredictionError: the method is not known, or a value is none of its.
    """
    if "quantization" in found:
        # hf_quant_config.json holds it one level deeper.
        found = {"quant_method": "modelopt", **config.section(found, "quantization")}
    method = _method(found)
    excluded = tuple((_matcher(name), None) for key in _EXCLUDED for name in config.words(found, key))
    if method in ("fp8", "fbgemm_fp8"):
        return Quantisation(excluded, _FP8)
    if method in ("awq", "awq_marlin"):
        return Quantisation(excluded, Format(_bits(found, "bits", "w_bit")))
    if method in ("gptq", "gptq_marlin"):
        return _gptq(found, excluded)
    if method == "bitsandbytes":
        return Quantisation(excluded, _bitsandbytes(found))
    if method == "mxfp4":
        return Quantisation(excluded, Format(4))
    if method == "compressed-tensors":
        return _compressed_tensors(found, excluded)
    if method in ("modelopt", "modelopt_fp4", "modelopt_mxfp8", "modelopt_mixed"):
        return _modelopt(found, excluded)
    raise PredictionError(
        f"quantization_config: quant_method {method!r} is not known",
        "Known are fp8, fbgemm_fp8, awq, gptq, bitsandbytes, mxfp4, compressed-tensors and modelopt. Give "
        "--weight-dtype to say what weights are stored in.",
    )


def _method(found: Mapping[str, Any]) -> str:
    method = found.get("quant_method")
    if isinstance(method, str):
        return method.lower()
    if method is None and "quant_algo" in found:
        return "modelopt"
    if method is None and ("load_in_4bit" in found or "load_in_8bit" in found):
        return "bitsandbytes"
    raise PredictionError(
        f"quantization_config: quant_method is {method!r}", "Give --weight-dtype, or name the method."
    )


def _gptq(found: Mapping[str, Any], excluded: tuple[Any, ...]) -> Quantisation:
    bits = _bits(found, "bits")
    rules: list[tuple[Callable[[str], bool], Format | None]] = []
    for pattern, changes in config.section(found, "dynamic").items():
        fits = _matcher(f"re:{pattern.removeprefix('-:').removeprefix('+:')}")
        if pattern.startswith("-:"):
            rules.append((fits, None))
        elif isinstance(changes, dict):
            rules.append((fits, Format(_bits({"bits": bits, **changes}, "bits"))))
    whole = config.flag(found, "lm_head", default=False)
    return Quantisation((*excluded, *rules), Format(bits), output_projection=whole)


def _bitsandbytes(found: Mapping[str, Any]) -> Format:
    if config.flag(found, "load_in_4bit", default=False):
        return Format(4)
    if config.flag(found, "load_in_8bit", default=False):
        return _INT8
    raise PredictionError(
        "quantization_config: neither load_in_4bit nor load_in_8bit is true", "Is it a model's config.json?"
    )


def _compressed_tensors(found: Mapping[str, Any], excluded: tuple[Any, ...]) -> Quantisation:
    groups = config.section(found, "config_groups")
    rules: list[tuple[Callable[[str], bool], Format | None]] = []
    default = None
    for name in groups:
        group = config.section(groups, name)
        chosen = _compressed_format(group)
        for target in config.words(group, "targets"):
            if target == "Linear":
                default = chosen
            else:
                rules.append((_matcher(target), chosen))
    # A group of named matrices goes before the one of all.
    scheme = config.section(found, "kv_cache_scheme")
    return Quantisation(
        (*excluded, *rules), default, output_projection=True, kv_dtype=_compressed_type(scheme)
    )


def _compressed_format(group: Mapping[str, Any]) -> Format | None:
    stored = _compressed_type(config.section(group, "weights"))
    if stored is None:
        return None
    bits = _bits(config.section(group, "weights"), "num_bits")
    multiplied = _compressed_type(config.section(group, "input_activations"))
    # Four-bit weights with activations of eight are multiplied as those.
    return Format(bits, multiplied if multiplied in ("fp8", "int8", "fp4") else None)


def _compressed_type(scheme: Mapping[str, Any]) -> str | None:
    if not scheme:
        return None
    kind, bits = scheme.get("type", "int"), _bits(scheme, "num_bits")
    if bits == 16:
        return "bf16"
    return f"{'fp' if kind == 'float' else 'int'}{bits}"


def _modelopt(found: Mapping[str, Any], excluded: tuple[Any, ...]) -> Quantisation:
    algorithm = found.get("quant_algo")
    rules: list[tuple[Callable[[str], bool], Format | None]] = []
    default = None
    if algorithm == "MIXED_PRECISION":
        layers = config.section(found, "quantized_layers")
        for name in layers:
            chosen = _algorithm(config.section(layers, name).get("quant_algo"))
            rules.append((_matcher(name), chosen))
    else:
        default = _algorithm(algorithm)
    cache = config.section(found, "kv_cache_scheme")
    said = found.get("kv_cache_quant_algo")
    kv_dtype = _compressed_type(cache)
    if said is not None:
        kv_dtype = config.dtype({"kv_cache_quant_algo": str(said).lower()}, "kv_cache_quant_algo")
    return Quantisation((*excluded, *rules), default, kv_dtype=kv_dtype)


def _algorithm(name: object) -> Format:
    if isinstance(name, str) and name.upper() in _MODELOPT:
        return _MODELOPT[name.upper()]
    raise PredictionError(
        f"quantization_config: quant_algo {name!r} is not known", f"Known are {', '.join(_MODELOPT)}."
    )


def _bits(found: Mapping[str, Any], *keys: str) -> int:
    bits = config.dimension(found, *keys)
    if bits > 16:
        raise PredictionError(f"quantization_config: {keys[0]} is {bits}", "Expected are bits of one weight.")
    return bits


def _matcher(name: str) -> Callable[[str], bool]:
    """Whether a matrix is meant: by a regular expression (``re:``), a pattern, or a part of its path.

    >>> _matcher("layers.0.mlp")("model.layers.0.mlp.down_proj")
    True
    >>> _matcher("gate")("model.layers.0.mlp.gate_proj")
    False
    """
    if name.startswith("re:"):
        try:
            expression = re.compile(name[3:])
        except re.error as error:
            raise PredictionError(
                f"quantization_config: {name!r} is no regular expression ({error})",
                "Correct it, or give --weight-dtype.",
            ) from None
        return lambda path: expression.match(path) is not None
    if any(letter in name for letter in "*?["):
        # A pattern for a module is also one for all that is in it.
        whole, inside = re.compile(translate(name)), re.compile(translate(f"{name}.*"))
        return lambda path: whole.match(path) is not None or inside.match(path) is not None
    return lambda path: f".{name}." in f".{path}."
