r"""The blocks of an Nsight Compute report, walked without decoding their payload.

Layout: ``NVR\\0``, u32 length, file header; then blocks to the end of the file, each u32 length, block
header, payload. Headers are protobuf messages whose definitions NVIDIA ships with the tool
(``extras/FileFormat``). All integers are little-endian.

The walk is what finds a truncated file: the decoding library does not. A file cut exactly between two
blocks looks whole, because no count of all results is stored anywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from traceql.errors import ReportError, TruncatedReportError
from traceql.read import protobuf
from traceql.read.ncu_rep import options
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.protobuf import Message

MAGIC = b"NVR\0"
_RECORD_AGAIN = "Copy the file again, or record it again: ncu did not finish writing it."

# Field numbers of the messages that are read here.
_BLOCK_SOURCES, _BLOCK_SESSION, _BLOCK_PAYLOAD_SIZE, _BLOCK_PROCESS = 1, 3, 5, 6
_BLOCK_STRINGS = 4
# What a workload is called in the raw tables → the count of its results in a block header.
KERNEL: Final = "kernel"
_BLOCK_RESULTS: Final = {KERNEL: 2, "range": 7, "cmdlist": 8, "graph": 9}
_SESSION_CREATED, _SESSION_DEVICE, _SESSION_VERSION = 2, 6, 8
_SESSION_EXECUTABLE, _SESSION_COMMAND_LINE = 9, 11
_EXECUTABLE = {1: "EXECUTABLE", 2: "ARGUMENTS", 3: "WORKING_DIRECTORY", 4: "ENVIRONMENT"}


@dataclass(frozen=True)
class Block:
    """A block that holds sources or results.

    Attributes:
        begin: where its payload begins in the file.
        end: where it ends.
        sources: messages before the results.
        workload: what the results are: one sort in a block, or "" for several.
        results: how many there are.
        pid: process that they are of, or None.
    """

    begin: int
    end: int
    sources: int
    workload: str
    results: int
    pid: int | None


@dataclass
class Container:
    """What the block headers say.

    Attributes:
        results: profiled workloads of every sort, summed over all blocks.
        blocks: where they are.
        source_blocks: blocks that hold sources, most of them no results.
        strings: the table that metrics refer to for their names.
        created_utc_s: seconds since the epoch, or None.
        versions: component → version, as printed in the report's session page.
        processes: (pid, executable name) of the profiled processes.
        devices: one mapping per GPU, attribute name → value, with ``name`` and ``device_id``.
        settings: collection options (see `RawReport.settings`).
        environment: private facts about the profiled process.
    """

    results: int = 0
    blocks: list[Block] = field(default_factory=list)
    source_blocks: list[Block] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    created_utc_s: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)
    devices: list[dict[str, str | int | float]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    environment: list[tuple[str, str]] = field(default_factory=list)


def walk(path: Path) -> Container:
    """Read all block headers of the report at `path`.

    Raises:
        TruncatedReportError: a block reaches beyond the end of the file.
        ReportError: a header is not what the format says.
    """
    container = Container()
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise ReportError(f"{path.name}: not an Nsight Compute report (no NVR header)")
        _header(file, size, path.name)
        while file.tell() < size:
            at = file.tell()
            header = _header(file, size, path.name)
            if not header:
                # Four zeros: as many blocks as anybody likes, each of which takes a step.
                raise ReportError(f"{path.name}: a block without header at byte {at:,}", _RECORD_AGAIN)
            try:
                block = protobuf.message(header)
                payload = _read_block_header(block, container)
                begin = file.tell()
                found = _results(block, begin, begin + payload)
            except WireError as error:
                raise ReportError(
                    f"{path.name}: damaged block header at byte {at:,} ({error.what})", _RECORD_AGAIN
                ) from error
            if begin + payload > size:
                raise TruncatedReportError(
                    f"{path.name}: the block at byte {at:,} needs {begin + payload - size:,} bytes "
                    "more than the file has",
                    _RECORD_AGAIN,
                )
            if found.results:
                container.blocks.append(found)
                container.results += found.results
            if found.sources:
                container.source_blocks.append(found)
            file.seek(begin + payload)
    return container


def _results(block: Message, begin: int, end: int) -> Block:
    """Which sources and results a block header announces."""
    counts = {name: protobuf.number(block, count) or 0 for name, count in _BLOCK_RESULTS.items()}
    held = [name for name, count in counts.items() if count]
    sources = protobuf.number(block, _BLOCK_SOURCES) or 0
    processes = protobuf.submessages(block, _BLOCK_PROCESS)
    pid = protobuf.number(processes[-1], 1) if processes else None
    return Block(begin, end, sources, held[0] if len(held) == 1 else "", sum(counts.values()), pid)


def _header(file: BinaryIO, size: int, name: str) -> bytes:
    at = file.tell()
    raw = file.read(4)
    length = struct.unpack("<I", raw)[0] if len(raw) == 4 else None
    if length is None or at + 4 + length > size:
        raise TruncatedReportError(f"{name}: the file ends inside the header at byte {at:,}", _RECORD_AGAIN)
    return file.read(length)


def _read_block_header(block: Message, container: Container) -> int:
    """Take what a block header says; returns the size of the payload behind it."""
    for table in protobuf.submessages(block, _BLOCK_STRINGS):
        container.strings += protobuf.texts(table, 1)
    for process in protobuf.submessages(block, _BLOCK_PROCESS):
        name = protobuf.text(process, 3) or ""
        container.processes[protobuf.number(process, 1) or 0] = name.replace("\\", "/").rsplit("/", 1)[-1]
    for session in protobuf.submessages(block, _BLOCK_SESSION):
        _read_session(session, container)
    return protobuf.number(block, _BLOCK_PAYLOAD_SIZE) or 0


def _read_session(session: Message, container: Container) -> None:
    if (created := protobuf.number(session, _SESSION_CREATED)) is not None:
        container.created_utc_s = created
    for version in protobuf.submessages(session, _SESSION_VERSION):
        container.versions[protobuf.text(version, 1) or ""] = protobuf.text(version, 2) or ""
    container.devices += [_device(device) for device in protobuf.submessages(session, _SESSION_DEVICE)]
    for executable in protobuf.submessages(session, _SESSION_EXECUTABLE):
        for number, name in _EXECUTABLE.items():
            container.environment += [(name, text) for text in protobuf.texts(executable, number)]
    for line in protobuf.texts(session, _SESSION_COMMAND_LINE):
        container.environment.append(("COMMAND_LINE", line))
        container.settings.update(options.collection(line))


def _device(described: Message) -> dict[str, str | int | float]:
    device: dict[str, str | int | float] = {}
    if (device_id := protobuf.number(described, 1)) is not None:
        device["device_id"] = device_id
    if (name := protobuf.text(described, 2)) is not None:
        device["name"] = name
    for attribute in protobuf.submessages(described, 3):
        name = (protobuf.text(attribute, 1) or "").removeprefix("device__attribute_")
        for value in protobuf.submessages(attribute, 2):
            # A union: 1 text, 2 double, 3 float, 4 and 5 integers.
            if (text := protobuf.text(value, 1)) is not None:
                device[name] = text
            for integer in (protobuf.number(value, 4), protobuf.number(value, 5)):
                if integer is not None:
                    device[name] = integer
    return device
