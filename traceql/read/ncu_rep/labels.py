"""What the tool calls metrics on its pages: ``launch__waves_per_multiprocessor`` is "Waves Per SM".

A report carries the sections that were collected, each with the labels of the metrics that it shows. They are
read off the first result of a block; metrics that no section shows have none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from traceql.read import protobuf
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from traceql.read.protobuf import Message

#: Field of the sections in the result of a kernel, and in those of ranges, command lists and graphs.
KERNEL_SECTIONS, OTHER_SECTIONS = 17, 7
_METRIC, _LABEL = 1, 2
_NAME = re.compile(r"[a-z]\w*__[\w.]+")
# Sections hold pages, pages tables, tables groups, groups metrics.
_DEEPEST = 10


def labels(result: bytes, field: int) -> dict[str, str]:
    """Metric → its label, of the sections in one result; the first one where sections differ.

    Args:
        result: the message.
        field: that holds the sections.

    Raises:
        WireError: the result is no message.
    """
    found: dict[str, str] = {}
    for section in protobuf.blobs(protobuf.message(result), field):
        _collect(section, found, _DEEPEST)
    return found


def _collect(blob: bytes, found: dict[str, str], depth: int) -> None:
    try:
        message = protobuf.message(blob)
    except WireError:
        # A text, which looks like a message only now and then.
        return
    if _labelled(message, found) or not depth:
        return
    for values in message.values():
        for value in values:
            if isinstance(value, bytes) and len(value) > 2:
                _collect(value, found, depth - 1)


def _labelled(message: Message, found: dict[str, str]) -> bool:
    """Whether a message is a metric with its label, which is noted."""
    names, texts = message.get(_METRIC, []), message.get(_LABEL, [])
    if len(names) != 1 or len(texts) != 1:
        return False
    name, text = names[0], texts[0]
    if not isinstance(name, bytes) or not isinstance(text, bytes) or not name.isascii():
        return False
    metric = name.decode()
    try:
        label = text.decode()
    except UnicodeDecodeError:
        return False
    if not _NAME.fullmatch(metric) or not label.isprintable() or not label:
        return False
    found.setdefault(metric, label)
    return True
