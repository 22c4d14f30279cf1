"""An Nsight Systems report (``.nsys-rep``, ``.qdrep``) without what is private in it.

The file keeps its form: the same sections, as many events, strings and thread names, every id and time.
Events whose texts change are written again, their block is compressed anew; all others stay byte for byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from traceql.read import protobuf
from traceql.read.nsys_rep.container import END, MAGIC, RAW_MAGIC, decompress, open_container
from traceql.read.nsys_rep.refusals import Located
from traceql.share.redact import nsys_events as events_of
from traceql.share.redact import removed as kinds
from traceql.share.redact.nsys_fields import SECTIONS, Inventory
from traceql.share.redact.removed import unknown
from traceql.share.redact.strings import String, redacted
from traceql.share.redact.texts import Facts, Texts

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.base import Progress
    from traceql.read.nsys_rep.container import Block, Container
    from traceql.share.redact.names import Names
    from traceql.share.redact.nsys_events import References
    from traceql.share.redact.removed import Removed

_RAW: Final = "Raw Sampling Data"
_OFFSETS: Final = "Sampling Data Offsets"
_TELEMETRY: Final = "Telemetry"
_ENVIRONMENT, _HOST_NAME = 610, 619


def write(source: Path, target: Path, names: Names, removed: Removed, progress: Progress) -> None:
    """Write the report again.

    Args:
        source: the report.
        target: a new file.
        names: what stands for names.
        removed: where it is counted what went.
        progress: called with (blocks done, twice how many there are: each is looked at twice).

    Raises:
        ReportError: it cannot be read.
        UnsupportedReportError: it holds something that is not known.
    """
    container = open_container(source)
    for what in container.unknown:
        raise unknown(source.name, what, "string table")
    with Located(container.source, 0):
        events = events_of.Events(container, progress)
        found = events.references()
        texts = Texts(_facts(container, found), names, removed)
        target.write_bytes(_assembled(container, _sections(container, events, found, texts)))


def _facts(container: Container, found: References) -> Facts:
    """Whom the report is about."""
    facts = Facts()
    for number in (5, 24, 40):
        facts.hosts.update(protobuf.texts(container.ui_data, number))
    for machine in protobuf.submessages(container.header, 1):
        for properties in protobuf.submessages(machine, 2):
            for one in protobuf.submessages(properties, 1):
                which = protobuf.number(one, 1)
                if which in (_ENVIRONMENT, _HOST_NAME):
                    for text in protobuf.texts(one, 2):
                        if which == _ENVIRONMENT:
                            facts.environment(text)
                        else:
                            facts.hosts.add(text)
    for options in protobuf.submessages(container.header, 2):
        for started in protobuf.submessages(options, 26):
            found.folders.update(protobuf.texts(started, 12))
    for folder in found.folders:
        facts.folder(folder)
    for number, uses in found.uses.items():
        if events_of.ENVIRONMENT in uses:
            facts.environment(container.string(number, "an environment"))
    return facts


def _sections(
    container: Container, events: events_of.Events, found: References, texts: Texts
) -> dict[str, bytes]:
    inventory = Inventory(container.source.path.name, texts)
    written: dict[str, bytes] = {}
    raw, offsets = _raw_section(container, events, found, texts, inventory)
    for name, (start, end) in container.sections.items():
        if name == _RAW:
            written[name] = raw
        elif name == _OFFSETS:
            written[name] = offsets
        elif name == _TELEMETRY:
            texts.removed.add(kinds.UNUSED, int(end > start))
            written[name] = b""
        elif name in SECTIONS:
            written[name] = inventory.message(container.data[start:end], SECTIONS[name])
        else:
            raise unknown(container.source.path.name, "a section", repr(name))
    return written


def _raw_section(
    container: Container, events: events_of.Events, found: References, texts: Texts, inventory: Inventory
) -> tuple[bytes, bytes]:
    """The section with the events, and that with its offsets."""
    data = container.data
    begin, end = container.sections[_RAW]
    header, at = _sized(data, begin + len(RAW_MAGIC), end)
    index, _ = _sized(data, at, end)
    body = [_with_size(inventory.header(header)), _with_size(inventory.message(index, "I"))]
    for block in container.blocks:
        changed = events.rewritten(block, texts, found)
        body.append(_as_it_is(data, block) if changed is None else _compressed(changed))
    strings_at = sum(map(len, body))
    body.append(_compressed(_strings(container, found, texts)))
    threads, at = _sized(data, container.string_block.offset + container.string_block.compressed, end)
    target, _ = _sized(data, at, end)
    _check_threads(container, threads)
    body += [_with_size(threads), _with_size(inventory.message(target, "T"))]
    offsets = protobuf.field(1, "lz4") + protobuf.field(2, strings_at)
    if container.schema_block is not None:
        offsets += protobuf.field(3, sum(map(len, body)))
        schemas = bytes(decompress(container.source, data, container.schema_block))
        body.append(_compressed(inventory.message(schemas, "NS")))
    return RAW_MAGIC + b"".join(body), offsets


def _strings(container: Container, found: References, texts: Texts) -> bytes:
    """The string table: each text by what it is for."""
    uses = {number: set(for_) for number, for_ in found.uses.items()}
    for thread in container.thread_names:
        if (number := protobuf.number(thread, 2)) is not None:
            own = (protobuf.number(thread, 4) or 0) >> 24 in found.profiled
            uses.setdefault(number, set()).add("thread" if own else "foreign thread")
    for stream in container.process_streams:
        for field, use in ((2, "stream"), (3, "output")):
            if (number := protobuf.number(stream, field)) is not None:
                uses.setdefault(number, set()).add(use)
        if set(stream) - {1, 2, 3}:
            raise unknown(container.source.path.name, "a field of captured output", f"field {max(stream)}")
    out = []
    for number, content in enumerate(container.strings):
        before = content.decode("utf-8", "replace")
        after = redacted(String(number, before, frozenset(uses.get(number, ()))), texts)
        out.append(protobuf.field(1, content if after == before else after))
    block = decompress(container.source, container.data, container.string_block)
    streams = [
        protobuf.field(2, value) for number, _, value in protobuf.fields(block, 0, len(block)) if number == 2
    ]
    return b"".join(out + streams)


def _check_threads(container: Container, threads: bytes) -> None:
    for number, _, value in protobuf.fields(threads, 0, len(threads)):
        thread = protobuf.message(value) if number == 1 and isinstance(value, bytes) else {0: [0]}
        if not set(thread) <= {1, 2, 3, 4} or any(
            isinstance(one, bytes) for all_ in thread.values() for one in all_
        ):
            raise unknown(container.source.path.name, "something about a thread", "thread names")


def _sized(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    size, start = protobuf.varint(data, at, end)
    return data[start : start + size], start + size


def _with_size(content: bytes) -> bytes:
    return protobuf.varint_bytes(len(content)) + content


def _as_it_is(data: bytes, block: Block) -> bytes:
    sizes = protobuf.varint_bytes(block.compressed) + protobuf.varint_bytes(block.size)
    return sizes + data[block.offset : block.offset + block.compressed]


def _compressed(message: bytes) -> bytes:
    content = _with_size(message)
    packed: bytes = pa.Codec("lz4_raw").compress(content, asbytes=True)
    return protobuf.varint_bytes(len(packed)) + protobuf.varint_bytes(len(content)) + packed


def _assembled(container: Container, sections: dict[str, bytes]) -> bytes:
    dot = container.data.find(b".", len(MAGIC))
    first = container.data[: dot + 1]
    if not re.fullmatch(rb"[\w@\-]{0,64}", first[len(MAGIC) : -1]):
        raise unknown(container.source.path.name, "a version", "first line")
    out = bytearray(first)
    contents = b""
    for name, content in sections.items():
        entry = protobuf.field(1, name) + protobuf.field(2, len(out)) + protobuf.field(3, len(content))
        contents += protobuf.field(1, entry)
        out += content
    at = len(out)
    return bytes(out) + contents + at.to_bytes(8, "little") + END
