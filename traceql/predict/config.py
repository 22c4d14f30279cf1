"""Values of a ``config.json``, each refused by its key's name when it is not what predictions can use."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from traceql.errors import PredictionError
from traceql.given import said

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Beyond it a number is a slip, and products of such numbers overflow.
LARGEST = 10**15

_DTYPES: Mapping[str, str] = MappingProxyType(
    {
        "float64": "fp64",
        "float32": "fp32",
        "float": "fp32",
        "float16": "fp16",
        "half": "fp16",
        "bfloat16": "bf16",
        "float8_e4m3fn": "fp8",
        "float8_e5m2": "fp8",
        "fp8_e4m3": "fp8",
        "fp8_e5m2": "fp8",
        "fp8_inc": "fp8",
        "nvfp4": "fp4",
        **{name: name for name in ("fp64", "fp32", "fp16", "bf16", "fp8", "int8", "fp4", "int4")},
    }
)


def dimension(
    config: Mapping[str, Any],
    *keys: str,
    default: int | None = None,
    least: int = 1,
    most: int = LARGEST,
) -> int:
    """The number under the first of the keys that is there and not null.

    Raises:
        PredictionError: it is no whole number from `least` to `most`, or is missing without a default.
    """
    for key in keys:
        value = config.get(key)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        kind = "a positive whole number" if least == 1 else f"a whole number from {least}"
        kind += f" to {most:,}" if isinstance(value, int) and value > most else ""
        raise PredictionError(
            f"the configuration gives no {key} as {kind}: it is {said(value, 60)}",
            "Is it a model's config.json?",
        )
    if default is not None:
        return default
    raise PredictionError(f"the configuration gives no {keys[0]}", "Is it a model's config.json?")


def optional(config: Mapping[str, Any], *keys: str) -> int | None:
    """The number under the first of the keys that is there and not null; None without."""
    return dimension(config, *keys) if any(config.get(key) is not None for key in keys) else None


def flag(config: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """What is true or false under the key.

    Raises:
        PredictionError: it is neither.
    """
    value = config.get(key)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise PredictionError(
        f"the configuration's {key} is {said(value, 60)}, neither true nor false",
        "Is it a model's config.json?",
    )


def dtype(config: Mapping[str, Any], *keys: str) -> str | None:
    """The precision that the first of the keys names, in our words; None where none does, or it is ``auto``.

    >>> dtype({"torch_dtype": "bfloat16"}, "torch_dtype")
    'bf16'

    Raises:
        PredictionError: it names none that is known.
    """
    for key in keys:
        value = config.get(key)
        if value is None or value == "auto":
            continue
        known = known_dtype(value) if isinstance(value, str) else None
        if known is None:
            raise PredictionError(
                f"the configuration's {key} is {said(value, 60)}, which is no known type",
                f"Known are: {', '.join(_DTYPES)}.",
            )
        return known
    return None


def known_dtype(text: str) -> str | None:
    """The precision that a text names, in our words; None where it is none that is known."""
    return _DTYPES.get(text.removeprefix("torch.").lower())


def section(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under the key; empty where there is none.

    Raises:
        PredictionError: it is something else.
    """
    value = config.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise PredictionError(
        f"the configuration's {key} is {said(value, 60)}, not an object", "Is it a model's config.json?"
    )


def words(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The list of texts under the key; empty where there is none.

    Raises:
        PredictionError: it is something else.
    """
    value = config.get(key)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    raise PredictionError(
        f"the configuration's {key} is {said(value, 60)}, not a list of texts", "Is it a model's config.json?"
    )
