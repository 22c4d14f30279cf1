"""Which source line each instruction of a cubin comes from.

A cubin is an ELF file whose ``.debug_line`` is that of DWARF 2 to 4 (nvcc ``-lineinfo``), one sequence per
function, placed by a relocation. NVIDIA adds an extended operation that tells inlined calls, which is passed
over. Of several lines that begin at an instruction the first counts, as for NVIDIA's library: where a call
was inlined that is the line of the call.
"""

from __future__ import annotations

import posixpath
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from traceql.read.protobuf import WireError, varint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MAGIC: Final = b"\x7fELF\x02\x01"
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_RELOCATION: Final = struct.Struct("<QQq")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_PROGRAM: Final = struct.Struct("<IHI")
_VERSIONS: Final = (2, 3, 4)
_CODE: Final = b".text."
_LINES: Final = (b".debug_line\0", b".rela.debug_line\0", b".symtab\0")
# Of a path, as of systems; of the paths of all compilations of a module together, which repeat each other.
_PATH_CHARACTERS: Final = 4096
_ALL_CHARACTERS: Final = 1 << 25
# Operations of a line program.
_COPY, _ADVANCE_ADDRESS, _ADVANCE_LINE, _SET_FILE, _ADD_CONSTANT, _ADD_FIXED = 1, 2, 3, 4, 8, 9
_END, _SET_ADDRESS = 1, 2


@dataclass
class Function:
    """The code of a kernel or of a function that kernels call.

    Attributes:
        size: its bytes.
        offsets: where each row of its line table begins, ascending, in bytes from its beginning; each once.
        files: of each row, a number for `Cubin.files`; -1 behind the end of a sequence.
        lines: of each row.
    """

    size: int
    offsets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    files: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def at(self, offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """File (-1 for none) and line of the instructions at some offsets."""
        if not self.offsets.size:
            return np.full(offsets.size, -1), np.zeros(offsets.size, np.int64)
        row = np.searchsorted(self.offsets, offsets, side="right") - 1
        return np.where(row >= 0, self.files[row], -1), self.lines[row]


@dataclass
class Cubin:
    """What is known of the code of a module.

    Attributes:
        functions: by mangled name.
        files: paths of source files.
        numbers: of these, by path.
        characters: of the paths of all compilations, as often as each is named.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    characters: int = 0


def read(data: bytes) -> Cubin:
    """The functions of a cubin, with their lines if it has any.

    Raises:
        WireError: it is not as it is known.
    """
    if not data.startswith(_MAGIC) or len(data) < 0x40:
        raise WireError("a cubin is no ELF file of 64 bits", 0)
    try:
        return _read(data)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise WireError(f"a cubin is damaged ({error})", 0) from error


def _read(data: bytes) -> Cubin:
    places = _sections(data)
    cubin = Cubin()
    by_number = _functions(data, places)
    for name, (_, _, size) in zip(by_number, places, strict=True):
        if name:
            cubin.functions[name] = Function(size)
    program, relocations, symbols = (_content(data, places, name) for name in _LINES)
    if program:
        starts = _starts(relocations, symbols, by_number)
        at = 0
        while at < len(program):
            at = _unit(program, at, starts, cubin)
    return cubin


def _sections(data: bytes) -> list[tuple[int, int, int]]:
    """Where the name of each section begins, where its content does, and its size."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    if size != _SECTION.size or table + size * count > len(data):
        raise ValueError("its sections")
    headers = [_SECTION.unpack_from(data, table + size * place) for place in range(count)]
    texts = headers[names][4]
    found = []
    for name, kind, _, _, at, length, *_ in headers:
        # Those without bytes in the file (shared memory) are of no use here.
        there = 0 if kind == 8 else length
        if at + there > len(data):
            raise ValueError("a section")
        found.append((texts + name, at, there))
    return found


def _functions(data: bytes, places: list[tuple[int, int, int]]) -> list[str]:
    """The function whose code each section is, "" for what is no code.

    Names may begin anywhere, so within one another: all that are read take no more than the cubin has bytes.
    """
    found = []
    left = len(data)
    for begin, _, _ in places:
        name = ""
        if data.startswith(_CODE, begin):
            begin += len(_CODE)
            end = data.find(b"\0", begin, begin + left)
            if end < 0:
                raise ValueError("its names")
            left -= end - begin
            name = data[begin:end].decode()
        found.append(name)
    return found


def _content(data: bytes, places: list[tuple[int, int, int]], name: bytes) -> bytes:
    """What the last section of a name holds; nothing without one."""
    for begin, at, size in reversed(places):
        if data.startswith(name, begin):
            return data[at : at + size]
    return b""


def _starts(relocations: bytes, symbols: bytes, functions: list[str]) -> dict[int, tuple[str, int]]:
    """Place in the line programs → the function and offset that is to be put there."""
    found = {}
    for place, info, addend in _RELOCATION.iter_unpack(relocations):
        _, _, _, section, value, _ = _SYMBOL.unpack_from(symbols, (info >> 32) * _SYMBOL.size)
        if section < len(functions):
            found[place] = (functions[section], value + addend)
    return found


def _unit(data: bytes, begin: int, starts: Mapping[int, tuple[str, int]], cubin: Cubin) -> int:
    """Read the lines of one compilation; returns where the next one begins."""
    length, version, prologue = _PROGRAM.unpack_from(data, begin)
    end: int = begin + 4 + length
    if version not in _VERSIONS or end > len(data):
        raise ValueError(f"line table of version {version}")
    at = begin + _PROGRAM.size
    program = at + prologue
    if program > end:
        raise ValueError("its line table")
    # From version 4 on, operations per instruction: one.
    step, *_ = data[at : at + 1]
    at += 2 if version == 4 else 1
    _, line_base, line_range, first_special = struct.unpack_from("<BbBB", data, at)
    if not (line_range and first_special):
        raise ValueError("its line table")
    at += 4
    operands = data[at : at + first_special - 1]
    at, files = _files(data, at + first_special - 1, program, _ALL_CHARACTERS - cubin.characters)
    cubin.characters += sum(map(len, files))
    # Files are numbered from 1.
    numbers = [-1, *(_number(cubin, path) for path in files)]
    at = program
    rows: list[tuple[int, int, int]] = []
    function, address, file, line = "", 0, 1, 1
    while at < end:
        operation = data[at]
        at += 1
        if operation >= first_special:
            special = operation - first_special
            address += special // line_range * step
            line += line_base + special % line_range
            rows.append((address, numbers[file], line))
        elif operation == 0:
            size, at = varint(data, at, end)
            if size and data[at] == _SET_ADDRESS:
                function, address = starts.get(at + 1, ("", 0))
            elif size and data[at] == _END:
                rows.append((address, -1, 0))
                _add(cubin, function, rows)
                rows, function, address, file, line = [], "", 0, 1, 1
            at += size
        elif operation == _COPY:
            rows.append((address, numbers[file], line))
        elif operation == _ADVANCE_ADDRESS:
            by, at = varint(data, at, end)
            address += by * step
        elif operation == _ADVANCE_LINE:
            by, at = _signed(data, at, end)
            line += by
        elif operation == _SET_FILE:
            file, at = varint(data, at, end)
        elif operation == _ADD_CONSTANT:
            address += (255 - first_special) // line_range * step
        elif operation == _ADD_FIXED:
            address += int.from_bytes(data[at : at + 2], "little")
            at += 2
        else:
            # Columns, statements, blocks: nothing that is asked for here.
            for _ in range(operands[operation - 1]):
                _, at = varint(data, at, end)
    return end


def _add(cubin: Cubin, name: str, rows: list[tuple[int, int, int]]) -> None:
    function = cubin.functions.get(name)
    if function is None:
        return
    table = np.array(rows, np.int64)
    # The first of those that begin at one place: `unique` tells the first.
    function.offsets, first = np.unique(table[:, 0], return_index=True)
    function.files, function.lines = table[first, 1], table[first, 2]


def _files(data: bytes, at: int, end: int, left: int) -> tuple[int, list[str]]:
    """The paths of the files of one compilation, as the library writes them, of so many characters at most.

    Each is a folder's and a name: a few bytes may stand for many.
    """
    folders = [""]
    while data[at]:
        stop = data.index(b"\0", at, end)
        folders.append(data[at:stop].decode("utf-8", "replace"))
        at = stop + 1
    at += 1
    files = []
    while data[at]:
        stop = data.index(b"\0", at, end)
        name = data[at:stop].decode("utf-8", "replace")
        folder, at = varint(data, stop + 1, end)
        for _ in range(2):
            _, at = varint(data, at, end)
        path = posixpath.join(folders[folder], name)
        left -= len(path)
        if len(path) > _PATH_CHARACTERS or left < 0:
            raise ValueError("its paths")
        files.append(posixpath.normpath(path))
    return at + 1, files


def _number(cubin: Cubin, path: str) -> int:
    if path not in cubin.numbers:
        cubin.numbers[path] = len(cubin.files)
        cubin.files.append(path)
    return cubin.numbers[path]


def _signed(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A signed number of any size, low groups of 7 bits first, and the position after it."""
    value, after = varint(data, at, end)
    bits = 7 * (after - at)
    return (value - (1 << bits) if value >> (bits - 1) & 1 else value), after
