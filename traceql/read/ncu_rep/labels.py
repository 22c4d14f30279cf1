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

#: Field of the sections in the result of a kernel, and in those of ranges, command lists and graphs.
KERNEL_SECTIONS, OTHER_SECTIONS = 17, 7
# A metric of a section, wherever it stands there (also inside another one, as what newer chips have instead),
# begins with its name (field 1) and its label (field 2), each behind its length. To follow the messages down
# to it takes four times as long. No part of the pattern is tried again with fewer characters.
_METRIC = re.compile(rb"\n(?:([\x04-\x7f])|([\x80-\xff][\x01-\x03]))([a-z][\w.]++)\x12")
_NAME = re.compile(r"[a-z]\w*__[\w.]+")


class Labels(dict[str, str]):
    """Metric → its label, of the first result whose sections say so.

    Most results have the very sections of the one before, and sections name the same metrics over and over:
    each is looked at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[bytes] = set()

    def add(self, sections: Iterable[bytes]) -> None:
        """Look at the sections of the next result; the first label of a metric counts where they differ."""
        if self:
            return
        for section in sections:
            if section in self._seen:
                continue
            self._seen.add(section)
            for found in _METRIC.finditer(section):
                name = found[3]
                if name not in self._seen and (label := _label(section, found)):
                    self._seen.add(name)
                    self[name.decode()] = label


def _label(section: bytes, found: re.Match[bytes]) -> str:
    """What stands behind a name; empty if it is no label, or the name not that of a metric."""
    name = found[3].decode()
    try:
        size, _ = protobuf.varint(found[1] or found[2], 0, 2)
        if size != len(name) or not _NAME.fullmatch(name):
            return ""
        size, at = protobuf.varint(section, found.end(), len(section))
        if size > len(section) - at:
            return ""
        label = section[at : at + size].decode()
    except (WireError, UnicodeDecodeError):
        return ""
    return label if label.isprintable() else ""


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
