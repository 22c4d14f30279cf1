"""Where the instructions that counters and samples name come from: function, file, line, text of the line.

A report holds the code of each module (a cubin), where its functions lay in memory, and the source files that
were imported. SASS is in none of them as text: NVIDIA's library disassembles the code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from traceql.read import protobuf
from traceql.read.ncu_rep import cubin
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from traceql.read.ncu_rep.container import Block
    from traceql.read.ncu_rep.cubin import Cubin
    from traceql.read.protobuf import Message

_ID, _CODE, _FILES, _FUNCTIONS = 1, 4, 8, 9
# Addresses are signed numbers of 64 bits in tables: no GPU has so much memory.
_BEYOND: Final = 1 << 62

#: Address, SASS, file, line, and text of the line of one instruction.
Instruction = tuple[int, str | None, str | None, int | None, str | None]


class _Placed(NamedTuple):
    """Where a function lay."""

    address: int
    name: str


@dataclass
class _Module:
    functions: list[_Placed] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    cubin: Cubin | None = None


def lines_of(content: str) -> list[str]:
    r"""The lines of a source file, numbered from 1.

    >>> lines_of("a\nb")
    ['a', 'b']
    """
    return content.replace("\r\n", "\n").split("\n")


def line_text(texts: Mapping[str, list[str]], file: str, line: int) -> str | None:
    """The text of a line; None where the report does not hold its file."""
    held = texts.get(file)
    return held[line - 1] if held is not None and 0 < line <= len(held) else None


class Sources:
    """The modules of a report.

    Args:
        path: the report.
        blocks: that hold sources.

    Attributes:
        unread: why the lines of a module are not known, one text per module.
    """

    def __init__(self, path: Path, blocks: Iterable[Block]) -> None:
        # Two processes may call different modules by one number.
        self._modules: dict[tuple[int | None, int | None], _Module] = {}
        self.unread: list[str] = []
        with path.open("rb") as file:
            for block in blocks:
                file.seek(block.begin)
                for _ in range(block.sources):
                    raw = file.read(4)
                    size = struct.unpack("<I", raw)[0] if len(raw) == 4 else 0
                    if size > block.end - file.tell():
                        raise WireError("a source reaches beyond its block", file.tell())
                    self._add(block.pid, protobuf.message(file.read(size)))

    def _add(self, pid: int | None, source: Message) -> None:
        """Take what is said of a module: later blocks add functions to it."""
        module = self._modules.setdefault((pid, protobuf.number(source, _ID)), _Module())
        for table in protobuf.submessages(source, _FUNCTIONS):
            for function in protobuf.submessages(table, 1):
                name, address = protobuf.text(function, 1), protobuf.number(function, 2)
                if name and address and address < _BEYOND:
                    module.functions.append(_Placed(address, name))
        for files in protobuf.submessages(source, _FILES):
            for entry in protobuf.submessages(files, 1):
                content = protobuf.text(entry, 2)
                if content:
                    module.texts[protobuf.text(entry, 1) or ""] = lines_of(content)
        for code in protobuf.blobs(source, _CODE):
            if code:
                try:
                    module.cubin = cubin.read(code)
                except WireError as error:
                    self.unread.append(error.what)

    def instructions(
        self, pid: int | None, modules: Iterable[int | None], addresses: NDArray[np.int64]
    ) -> Iterator[Instruction]:
        """What is known of the instructions at some addresses, which ascend, in their order.

        Args:
            pid: process of the workload.
            modules: that it ran.
            addresses: of instructions.
        """
        found: dict[int, Instruction] = {}
        for number in modules:
            module = self._modules.get((pid, number))
            if module is None or module.cubin is None:
                continue
            for placed in module.functions:
                function = module.cubin.functions.get(placed.name)
                if function is None:
                    continue
                begin, end = np.searchsorted(addresses, [placed.address, placed.address + function.size])
                inside = addresses[begin:end]
                files, lines = function.at(inside - placed.address)
                for address, file, line in zip(inside.tolist(), files.tolist(), lines.tolist(), strict=True):
                    if file < 0:
                        found[address] = (address, None, None, None, None)
                    else:
                        path = module.cubin.files[file]
                        found[address] = (address, None, path, line, line_text(module.texts, path, line))
        yield from (found[address] for address in sorted(found))


def references(told: Iterable[int | bytes]) -> list[int | None]:
    """The modules that a workload refers to: by number, or by a message that holds it.

    Raises:
        WireError: a reference is damaged.
    """
    return list(
        dict.fromkeys(
            each if isinstance(each, int) else protobuf.number(protobuf.message(each), _ID) for each in told
        )
    )
