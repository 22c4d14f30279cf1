"""The layers of a model, in the process that holds it: which there are, and a range around each call."""

from __future__ import annotations

import re
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collectors.worker import Capture

# Kind of a layer by the name of its class; the first that matches.
_KINDS = (
    ("mamba2", r"mamba_?mixer2|mamba2"),
    ("mamba", r"mamba|ssm"),
    ("linear_attention", r"linear_?att|gated_?delta|lightning"),
    ("attention", r"att(entio)?n|mla"),
    ("moe", r"moe|expert|sparse"),
    ("mlp", r"mlp|feed_?forward|ffn"),
)


class Watch:
    """Puts NVTX ranges, and for ncu profiler windows, around the layers' calls while a prompt is watched.

    Args:
        capture: the profiler's window.
        one_call: of each kind the first layer alone, in a window of its own.
        only: patterns of kind and phase, ``mamba2/prefill``: no others are watched; all without any.
    """

    def __init__(self, capture: Capture, *, one_call: bool, only: Sequence[str] = ()) -> None:
        self._capture = capture
        self._one_call = one_call
        self._length = 0
        self._only = only or ["*"]
        self._seen: dict[int, int] = {}
        self.ranges = 0

    def prompt(self, length: int) -> None:
        """What runs from now on is a prompt of so many tokens; with 0 none that is watched."""
        self._length, self._seen = length, {}
        if length:
            self.ranges = 0

    def wrap(self, model: Any) -> dict[str, int]:
        """Wrap the layers of a model; returns how many of each kind.

        Under ncu only the first of a kind is wrapped: its counters stand for the others.
        """
        found: dict[str, int] = {}
        for kind, module in layers_of(model):
            found[kind] = found.get(kind, 0) + 1
            if found[kind] == 1 or not self._one_call:
                self._wrap(kind, module)
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
            if not any(fnmatchcase(f"{kind}/{phase}", pattern) for pattern in self._only):
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
