"""The file around the events: sections, index, compressed blocks, string table.

::

    "NVIDIA Tegra Profiler Report " version "."
    sections, back to back                        UI Data, Raw Sampling Data, Sampling Data Offsets …
    table of contents                             protobuf: name, offset and length of each section
    offset of the table of contents, 8 bytes
    "U3w[END]"

Everything that can be checked is checked before memory is allocated for what a length announces.
"""

from __future__ import annotations

import mmap
import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import pyarrow as pa

from traceql.errors import UnknownFormatError
from traceql.read import protobuf
from traceql.read.nsys_rep.refusals import Located, Source
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql.read.nsys_rep.layout import Version
    from traceql.read.protobuf import Message

MAGIC: Final = b"NVIDIA Tegra Profiler Report "
END: Final = b"U3w[END]"
RAW_MAGIC: Final = b"QDTEXT00"
CODEC: Final = b"lz4"

_FOOTER_SIZE: Final = 8 + len(END)
_LONGEST_HEADER_VERSION: Final = 64
_RAW: Final = "Raw Sampling Data"
_OFFSETS: Final = "Sampling Data Offsets"

# A byte of LZ4 stands for 255 bytes at most; the rest is what a sequence holds before it is extended.
_LZ4_LARGEST_RATIO: Final = 255
_LZ4_SLACK: Final = 64
# LZ4 ends every block with at least this many bytes that are stored as they are.
_LZ4_LITERAL_TAIL: Final = 5

# Of blocks that are walked over, before what was mapped of them is let go of.
_WALKED_BYTES: Final = 32 << 20

_INDEX_EVENTS: Final = 1
_INDEX_STRINGS: Final = 3
_INDEX_THREADS: Final = 5
_INDEX_GENERIC_SOURCES: Final = 13
_INDEX_GENERIC_TYPES: Final = 14


class Block(NamedTuple):
    """A compressed block: where its bytes are in the file, and how many there are before and after."""

    offset: int
    compressed: int
    size: int


class Container(NamedTuple):
    """Everything but the events, decoded; and where the events are.

    Attributes:
        source: the file.
        data: its bytes.
        sections: name → (start, end) of each section, in the file's order.
        header: of the raw section: clocks, start and stop.
        target: GPUs, contexts, streams.
        time_conversion: section "Time Conversion Data"; empty when absent.
        ui_data: section "UI Data"; empty when absent.
        blocks: the event blocks, in order.
        string_block: the texts.
        schema_block: layouts of binary NVTX payloads; None when absent.
        event_count: how many events the index promises; None when it does not say.
        generic_sources: what produces generic events, by name.
        generic_types: layouts of generic events, GPU metrics among them.
        strings: UTF-8 texts by string id.
        process_streams: captured output of processes.
        thread_names: as stored.
        payload_schemas: layouts of binary NVTX payloads; empty when absent.
        unknown: fields that are not known, for warnings.
    """

    source: Source
    data: bytes
    sections: dict[str, tuple[int, int]]
    header: Message
    target: Message
    time_conversion: Message
    ui_data: Message
    blocks: list[Block]
    string_block: Block
    schema_block: Block | None
    event_count: int | None
    generic_sources: list[Message]
    generic_types: list[Message]
    strings: list[bytes]
    process_streams: list[Message]
    thread_names: list[Message]
    payload_schemas: Message
    unknown: list[str]

    def string(self, position: int, what: str) -> str:
        """The text with that id; what is not UTF-8 in it is replaced.

        Args:
            position: the id.
            what: refers to it, for the error.

        Raises:
            WireError: there is no such string.
        """
        if position >= len(self.strings):
            raise WireError(f"{what} refers to string {position}, the last one is {len(self.strings) - 1}", 0)
        return self.strings[position].decode("utf-8", "replace")

    @property
    def version(self) -> Version | None:
        """(year, release) of the profiler, None when the file does not say."""
        found = re.match(r"(\d{4})\.(\d+)\b", self.source.tool_version or "")
        return (int(found[1]), int(found[2])) if found else None


def open_container(path: Path) -> Container:
    """Read the file and everything in it but the events.

    Raises:
        ReportError: the content contradicts itself.
        TruncatedReportError: the file ends early.
        UnsupportedReportError: the container is of an unknown kind.
        UnknownFormatError: the file is something else.
    """
    data = _mapped(path)
    source = Source(path)
    sections = _sections(data, source)
    ui_data: Message = {}
    if "UI Data" in sections:
        start, end = sections["UI Data"]
        with Located(source, start):
            ui_data = protobuf.message(memoryview(data)[start:end])
            source.tool_version = protobuf.text(ui_data, 6)
    for required in (_RAW, _OFFSETS):
        if required not in sections:
            raise source.unsupported(f"there is no section {required!r}", len(data) - _FOOTER_SIZE)
    time_conversion: Message = {}
    if "Time Conversion Data" in sections:
        start, end = sections["Time Conversion Data"]
        with Located(source, start):
            time_conversion = protobuf.message(memoryview(data)[start:end])
    return _raw_section(source, data, sections, ui_data, time_conversion)


def let_go(data: object, blocks: list[Block]) -> None:
    """The file's bytes in these blocks are not needed any more: they leave this process's memory."""
    if not isinstance(data, mmap.mmap) or not hasattr(data, "madvise"):
        return
    page = mmap.ALLOCATIONGRANULARITY
    begin = blocks[0].offset // page * page
    size = (blocks[-1].offset + blocks[-1].compressed - begin) // page * page
    if size:
        # A page that another batch still reads comes back by itself.
        data.madvise(mmap.MADV_DONTNEED, begin, size)


def _mapped(path: Path) -> bytes:
    """The file's bytes: what is read of them comes into memory, and no more."""
    with path.open("rb") as file:
        # Nothing cannot be mapped.
        if not file.seek(0, os.SEEK_END):
            return b""
        # Of what bytes can do, it is only cut and searched.
        return cast("bytes", mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def decompress(source: Source, data: bytes, block: Block) -> memoryview:
    """The message in a compressed block, without the length before it."""
    view = memoryview(data)[block.offset : block.offset + block.compressed]
    try:
        raw = pa.Codec("lz4_raw").decompress(view, decompressed_size=block.size, asbytes=True)
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise source.damaged("a block cannot be decompressed", block.offset) from error
    # The decompressor does not say when it produced less than announced. What LZ4 stores last, it stores as
    # it is, so that shows it.
    tail = min(_LZ4_LITERAL_TAIL, block.size)
    if raw[block.size - tail :] != view[block.compressed - tail :]:
        raise source.damaged("a block does not decompress to the announced size", block.offset)
    with Located(source, block.offset):
        size, start = protobuf.varint(raw, 0, len(raw))
    if start + size != len(raw):
        raise source.damaged("the message of a block does not fill the block", block.offset)
    return memoryview(raw)[start:]


def _sections(data: bytes, source: Source) -> dict[str, tuple[int, int]]:
    """Name → (start, end) of each section."""
    if data[: len(MAGIC)] != MAGIC:
        if MAGIC.startswith(data[: len(MAGIC)]):
            raise source.truncated("its first line is incomplete", len(data))
        raise UnknownFormatError(f"{source.path.name}: this is no Nsight Systems report (byte 0)")
    if data[-len(END) :] != END:
        raise source.truncated("its end mark is missing", len(data))
    dot = data.find(b".", len(MAGIC), len(MAGIC) + _LONGEST_HEADER_VERSION)
    if dot < 0:
        raise source.unsupported("the first line has no end", len(MAGIC))
    contents_end = len(data) - _FOOTER_SIZE
    contents = int.from_bytes(data[contents_end : contents_end + 8], "little")
    if not dot < contents <= contents_end:
        raise source.damaged("the table of contents lies outside the file", contents_end)
    sections: dict[str, tuple[int, int]] = {}
    with Located(source, 0):
        for number, _, entry in protobuf.fields(data, contents, contents_end):
            if number != 1 or not isinstance(entry, bytes):
                raise source.unsupported(f"the table of contents has an unknown field {number}", contents)
            parsed = protobuf.message(entry)
            name = protobuf.text(parsed, 1) or ""
            start, length = protobuf.number(parsed, 2) or 0, protobuf.number(parsed, 3) or 0
            if not dot < start <= start + length <= contents:
                raise source.damaged(f"section {name!r} lies outside the file", contents)
            if name in sections:
                raise source.damaged(f"section {name!r} occurs twice", contents)
            sections[name] = (start, start + length)
    return sections


def _raw_section(
    source: Source,
    data: bytes,
    sections: dict[str, tuple[int, int]],
    ui_data: Message,
    time_conversion: Message,
) -> Container:
    raw, end = sections[_RAW]
    if data[raw : raw + 8] != RAW_MAGIC or end - raw < len(RAW_MAGIC):
        raise source.unsupported(f"section {_RAW!r} does not begin with {RAW_MAGIC.decode()}", raw)
    body = raw + len(RAW_MAGIC)
    strings_at, schemas_at = _offsets(source, data, sections[_OFFSETS])
    strings_at += body
    unknown: list[str] = []

    at = body
    header, at = _plain(source, data, at, end)
    index, at = _plain(source, data, at, end)
    if strings_at > end:
        raise source.damaged("the string table lies outside its section", sections[_OFFSETS][0])
    blocks: list[Block] = []
    first = 0
    while at < strings_at:
        block = _block(source, data, at, end)
        blocks.append(block)
        # What lies around the head of a block comes into memory with it.
        if block.offset - blocks[first].offset > _WALKED_BYTES:
            let_go(data, blocks[first:])
            first = len(blocks) - 1
        at = block.offset + block.compressed
    if at != strings_at:
        raise source.damaged("the event blocks do not end where the string table begins", at)
    string_block = _block(source, data, at, end)
    strings, streams, string_fields = _strings(source, data, string_block)
    unknown += [f"field {number} of the string table" for number in string_fields]
    at = string_block.offset + string_block.compressed
    threads, at = _plain(source, data, at, end)
    target, at = _plain(source, data, at, end)
    payload_schemas: Message = {}
    schemas: Block | None = None
    if schemas_at is not None:
        if at != body + schemas_at:
            raise source.damaged("the NVTX schemas are not where the offsets say", at)
        schemas = _block(source, data, at, end)
        with Located(source, schemas.offset):
            payload_schemas = protobuf.message(decompress(source, data, schemas))
        at = schemas.offset + schemas.compressed
    if at != end:
        raise source.damaged(f"section {_RAW!r} has {end - at} bytes over", at)

    with Located(source, raw):
        if set(threads) - {1}:
            unknown += [f"field {number} of the thread names" for number in sorted(set(threads) - {1})]
        thread_names = protobuf.submessages(threads, 1)
        for what, field, count in (
            ("strings", _INDEX_STRINGS, len(strings)),
            ("thread names", _INDEX_THREADS, len(thread_names)),
        ):
            promised = protobuf.number(index, field)
            if promised is not None and promised != count:
                raise source.damaged(f"the index promises {promised} {what}, there are {count}", raw)
        event_count = protobuf.number(index, _INDEX_EVENTS)
        generic_sources = protobuf.submessages(index, _INDEX_GENERIC_SOURCES)
        generic_types = protobuf.submessages(index, _INDEX_GENERIC_TYPES)
    return Container(
        source=source,
        data=data,
        sections=sections,
        header=header,
        target=target,
        time_conversion=time_conversion,
        ui_data=ui_data,
        blocks=blocks,
        string_block=string_block,
        schema_block=schemas,
        event_count=event_count,
        generic_sources=generic_sources,
        generic_types=generic_types,
        strings=strings,
        process_streams=streams,
        thread_names=thread_names,
        payload_schemas=payload_schemas,
        unknown=unknown,
    )


def _offsets(source: Source, data: bytes, section: tuple[int, int]) -> tuple[int, int | None]:
    """Offsets of the string block and of the schema block, counted from behind the raw section's magic."""
    start, end = section
    with Located(source, start):
        parsed = protobuf.message(memoryview(data)[start:end])
        codec = protobuf.blobs(parsed, 1)
        strings, schemas = protobuf.number(parsed, 2), protobuf.number(parsed, 3)
    if codec != [CODEC]:
        name = b", ".join(codec).decode("ascii", "replace")
        raise source.unsupported(f"the blocks are compressed with {name!r}, not lz4", start)
    if set(parsed) - {1, 2, 3}:
        raise source.unsupported(f"the offsets have an unknown field {max(parsed)}", start)
    if strings is None:
        raise source.damaged("the offsets do not say where the string table is", start)
    return strings, schemas


def _plain(source: Source, data: bytes, at: int, end: int) -> tuple[Message, int]:
    """An uncompressed message with its length before it, and the position after it."""
    with Located(source, 0):
        size, start = protobuf.varint(data, at, end)
        if size > end - start:
            raise source.damaged("a message runs past the end of its section", at)
    with Located(source, start):
        return protobuf.message(memoryview(data)[start : start + size]), start + size


def _block(source: Source, data: bytes, at: int, end: int) -> Block:
    with Located(source, 0):
        compressed, start = protobuf.varint(data, at, end)
        size, start = protobuf.varint(data, start, end)
    if compressed > end - start:
        raise source.damaged("a block runs past the end of its section", at)
    if not size:
        raise source.damaged("a block announces no content, not even a length", at)
    if size > compressed * _LZ4_LARGEST_RATIO + _LZ4_SLACK:
        raise source.damaged(f"a block of {compressed} bytes announces {size} decompressed ones", at)
    return Block(start, compressed, size)


def _strings(source: Source, data: bytes, block: Block) -> tuple[list[bytes], list[Message], list[int]]:
    """The texts by id, the process streams, and numbers of fields that are neither."""
    content = decompress(source, data, block)
    strings: list[bytes] = []
    streams: list[Message] = []
    unknown: set[int] = set()
    with Located(source, block.offset):
        for number, value in _repeated(content):
            if number == 1 and isinstance(value, bytes):
                strings.append(value)
            elif number == 2 and isinstance(value, bytes):
                streams.append(protobuf.message(value))
            elif number in (1, 2):
                raise source.damaged("the string table holds a number where a text belongs", block.offset)
            else:
                unknown.add(number)
    return strings, streams, sorted(unknown)


def _repeated(content: memoryview) -> Iterator[tuple[int, protobuf.Value]]:
    for number, _, value in protobuf.fields(content, 0, len(content)):
        yield number, value
