"""The NVTX ranges around a workload, as the state of NVTX in its result tells them.

What a range is called stands in it, in its attributes, or in the strings that its domain registered: of what
programs register, as XLA does, there is no other text.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from traceql.read import protobuf
from traceql.read.ncu_rep.tables import range_paths
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.read.protobuf import Message

# How messages of attributes are given.
_ASCII, _UNICODE, _REGISTERED = 1, 2, 3
# What ncu writes for a string that nobody registered.
_NOT_REGISTERED: Final = "<invalid handle>"
# Kinds of payload → where the value stands, and how; of all others there is none.
_UNSIGNED, _SIGNED, _DOUBLE, _UNSIGNED_32, _SIGNED_32, _FLOAT, _JSON = range(1, 8)
_CATEGORY: Final = 1


def around(state: Message, thread: int | None) -> Iterator[tuple[Any, ...]]:
    """Rows of ``ncu_nvtx`` without the workload, outermost first: what a thread was in, and start/end ranges.

    Raises:
        WireError: the state is not as ``docs/ncu-rep-format.md`` has it.
    """
    domains = [_domain(described) for described in protobuf.blobs(state, 1)]
    if len({number for number, *_ in domains}) < len(domains):
        raise WireError("an NVTX domain is described twice", 0)
    threads = protobuf.submessages(state, 2)
    stacks = next((protobuf.submessages(one, 2) for one in threads if protobuf.number(one, 1) == thread), [])
    nested, loose = _by_domain(stacks), _by_domain(protobuf.submessages(state, 3))
    for number, name, registered, categories in domains:
        stack = [_told(entry, 1, registered, categories) for entry in nested.get(number, ())]
        paths = range_paths([text for text, *_ in stack])
        for depth, ((text, *attributes), path) in enumerate(zip(stack, paths, strict=True)):
            yield name, "pushpop", depth, text, path, *attributes
        # Start/end ranges do not nest: each is its own path.
        for entry in loose.get(number, ()):
            text, *attributes = _told(entry, 2, registered, categories)
            yield name, "startend", 0, text, next(range_paths([text])), *attributes


def _by_domain(domains: list[Message]) -> dict[int | None, list[Message]]:
    """Ranges by domain; where one stands there twice, the first counts."""
    found: dict[int | None, list[Message]] = {}
    for domain in domains:
        found.setdefault(protobuf.number(domain, 1), protobuf.submessages(domain, 3))
    return found


# The next workload has the same domains, or some with a few more strings.
@lru_cache(maxsize=16)
def _domain(described: bytes) -> tuple[int | None, str, dict[int | None, str], dict[int | None, str]]:
    """A domain's number and name, its registered strings, and names of its categories; of two the first."""
    domain = protobuf.message(described)
    name = protobuf.text(domain, 2) or ""
    registered: dict[int | None, str] = {}
    for string in protobuf.submessages(domain, 3):
        registered.setdefault(protobuf.number(string, 1), protobuf.text(string, 2) or "")
    categories: dict[int | None, str] = {}
    for named in protobuf.submessages(domain, 4):
        for one in protobuf.submessages(named, 2) if protobuf.number(named, 1) == _CATEGORY else ():
            categories.setdefault(protobuf.number(one, 1), protobuf.text(one, 2) or "")
    name = "" if name == "<default domain>" else name
    return protobuf.number(domain, 1), name, registered, categories


def _told(
    entry: Message, text_field: int, registered: dict[int | None, str], categories: dict[int | None, str]
) -> tuple[str, str | None, int | None, str | None]:
    """Text, category, colour and payload of a range."""
    text = protobuf.text(entry, text_field)
    if text is None:
        raise WireError("a range has no text", 0)
    attributes = _within(entry, text_field + 1)
    if not attributes:
        return text, None, None, None
    message = _within(attributes, 5)
    kind = protobuf.number(message, 1)
    if not text and kind in (_ASCII, _UNICODE):
        text = protobuf.text(message, 2) or ""
    elif not text and kind == _REGISTERED:
        text = registered.get(protobuf.number(message, 3), _NOT_REGISTERED)
    category = protobuf.number(attributes, 2) or None
    return (
        text,
        None if category is None else categories.get(category, str(category)),
        protobuf.number(_within(attributes, 3), 2) or None,
        _payload(_within(attributes, 4)),
    )


def _within(message: Message, field: int) -> Message:
    """The message in `field`; empty when absent."""
    return next(reversed(protobuf.submessages(message, field)), {})


def _payload(payload: Message) -> str | None:
    """A payload as text, as the export of nsys would have its number; None where there is none."""
    kind = protobuf.number(payload, 1) or 0
    at = kind + 1
    value: float | str | None = None
    if kind in (_UNSIGNED, _UNSIGNED_32):
        value = protobuf.number(payload, at)
    elif kind in (_SIGNED, _SIGNED_32):
        value = protobuf.signed(payload, at)
    elif kind in (_DOUBLE, _FLOAT):
        form, size = ("<d", 8) if kind == _DOUBLE else ("<f", 4)
        found = protobuf.blobs(payload, at)[-1:]
        value = struct.unpack(form, found[0])[0] if found and len(found[0]) == size else None
    elif kind == _JSON:
        value = protobuf.text(payload, at)
    return None if value is None else str(value)
