"""What the tool calls metrics on its pages: ``launch__waves_per_multiprocessor`` is "Waves Per SM".

A report carries the sections that were collected, each with the labels of the metrics that it shows; metrics
that no section shows have none.
"""

from __future__ import annotations

import contextlib
import re
import struct
from typing import TYPE_CHECKING, BinaryIO

from traceql.read import protobuf
from traceql.read.ncu_rep.container import KERNEL
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from traceql.read.ncu_rep.container import Block, Container
    from traceql.read.protobuf import Message

#: Field of the sections in the result of a kernel, and in those of ranges, command lists and graphs.
KERNEL_SECTIONS, OTHER_SECTIONS = 17, 7
_METRIC, _LABEL = 1, 2
_NAME = re.compile(r"[a-z]\w*__[\w.]+")
# Sections hold pages, pages tables, tables groups, groups metrics.
_DEEPEST = 10


class Labels(dict[str, str]):
    """Metric → its label, of the first result whose sections say so.

    Most results have the very sections of the one before, and tables in them name the same metrics over and
    over: each message is looked into once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[bytes] = set()

    def add(self, sections: Iterable[bytes]) -> None:
        """Look at the sections of the next result; the first label of a metric counts where they differ."""
        if self:
            return
        for section in sections:
            self._collect(section, _DEEPEST)

    def _collect(self, blob: bytes, depth: int) -> None:
        if blob in self._seen:
            return
        self._seen.add(blob)
        try:
            message = protobuf.message(blob)
        except WireError:
            # A text, which looks like a message only now and then.
            return
        if _labelled(message, self) or not depth:
            return
        for values in message.values():
            for value in values:
                # Names of metrics have two underscores: the rest need not be looked into.
                if isinstance(value, bytes) and b"__" in value:
                    self._collect(value, depth - 1)


def table(labels: Labels) -> dict[str, list[str]]:
    """The columns of ``ncu_labels``."""
    return {"metric": list(labels), "label": list(labels.values())}


def of_report(path: Path, container: Container) -> Labels:
    """The labels of a report, from the first result of each block; what is damaged has none."""
    found = Labels()
    with path.open("rb") as file:
        for block in container.blocks:
            if found:
                break
            file.seek(block.begin)
            with contextlib.suppress(WireError):
                result = protobuf.message(_first_result(file, block))
                kernels = block.workload in (KERNEL, "")
                found.add(protobuf.blobs(result, KERNEL_SECTIONS if kernels else OTHER_SECTIONS))
    return found


def _first_result(file: BinaryIO, block: Block) -> bytes:
    for place in range(block.sources + 1):
        raw = file.read(4)
        length = struct.unpack("<I", raw)[0] if len(raw) == 4 else 0
        if not 0 < length <= block.end - file.tell():
            break
        if place == block.sources:
            return file.read(length)
        file.seek(length, 1)
    return b""


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
