"""The events of an Nsight Systems report: which texts they refer to, and their own texts replaced.

All events are looked at twice: first for what they refer to, as the same text may be a kernel's name and
stand in the list of environments; then they are written again, a block at a time. What
`traceql.read.nsys_rep` would note as unknown is refused here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from traceql.read import protobuf
from traceql.read.buffer import Buffer
from traceql.read.nsys_rep import binary_payloads, blocks, checks, layout, messages
from traceql.read.nsys_rep.container import decompress
from traceql.read.nsys_rep.messages import Unknown
from traceql.read.nsys_rep.refusals import Located
from traceql.read.nsys_rep.tally import Tally
from traceql.read.protobuf import BYTES, VARINT, WireError
from traceql.share.redact import removed as kinds
from traceql.share.redact.messages import is_numbers, text_rule, texts_within
from traceql.share.redact.payloads import Domains, Entry, Layout
from traceql.share.redact.removed import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from traceql.read.base import Progress
    from traceql.read.buffer import Positions
    from traceql.read.nsys_rep.container import Block, Container
    from traceql.read.nsys_rep.messages import Field, Path, Shape
    from traceql.share.redact.texts import Texts

    #: The content of an event → what it becomes.
    Change = Callable[[bytes], bytes]

#: What a text in the string table is for.
KERNEL, RANGE, CALL, FUNCTION, FILE, ENVIRONMENT, METRIC, LABEL = (
    "kernel", "range", "call", "function", "file", "environment", "metric", "label",
)  # fmt: skip

# Field with the id of a text → what such texts are for.
_USES: Final[dict[Path, str]] = {
    (layout.CUDA, 101, 1): KERNEL,
    (layout.CUDA, 101, 2): KERNEL,
    (layout.CUDA, 101, 3): KERNEL,
    # For a kernel's name again.
    (layout.CUDA, 101, 8): KERNEL,
    (layout.NVTX, 8, 7): RANGE,
    (layout.TRACE, 7): CALL,
    (layout.TRACE, 12): CALL,
    (layout.TRACE, 27, 2): RANGE,
    (layout.DEBUG_LABEL, 6): RANGE,
    (layout.TRACE, 25, 20): FILE,
    (layout.TRACE, 25, 21): FUNCTION,
    (layout.TRACE, 25, 101, 4): KERNEL,
    (layout.TRACE, 25, 102, 4): FUNCTION,
    (layout.MMAP, 6): FILE,
    (layout.CPU_FAULT, 4, 1): FUNCTION,
    (layout.CPU_FAULT, 4, 2): FILE,
    (layout.CPU_FAULT, 4, 11): FILE,
    (layout.PROCESS, 13): ENVIRONMENT,
}
_TEXT_ID: Final = (layout.NVTX, 12)
_TEXT: Final = (layout.NVTX, 7)
_DOMAIN: Final = (layout.NVTX, 13)
# Ranges and marks; other events of NVTX name domains, categories and threads.
_RANGES: Final = (34, 59, 60)
_SAMPLED: Final = (layout.SAMPLE, 4)
_SAMPLED_THREAD: Final = (layout.SAMPLE, 11)
_FRAMES: Final = {(layout.TRACE, 15), _SAMPLED}
# How samples were unwound: numbers in all reports so far.
_OF_ANY_TYPE: Final = {(layout.SAMPLE, 8), (layout.SAMPLE, 10)}
_FRAME_USES: Final = {1: FUNCTION, 2: FILE}
# More than the tables of events have: of an OS call the file, its name and its mode; of a page fault whether
# it is resolved.
_SHAPES: Final[Mapping[int, Shape]] = {
    **layout.SHAPES,
    layout.TRACE: {32: VARINT, 43: BYTES, **layout.SHAPES[layout.TRACE]},
    layout.CPU_FAULT: {
        **layout.SHAPES[layout.CPU_FAULT],
        4: {6: VARINT, **cast("dict[int, int]", layout.SHAPES[layout.CPU_FAULT][4])},
    },
}
_REPEATED: Final = layout.REPEATED | {(layout.TRACE, 32), (layout.TRACE, 43)}
# Of payloads that have texts rarely: where.
_TEXTS_OF: Final = {
    layout.TRACE: ((layout.TRACE, 40), (layout.TRACE, 43)),
    layout.MEMORY_USE: ((layout.MEMORY_USE, 11),),
}
_EVENT_SHAPE: Final = {1: VARINT, **dict.fromkeys(_SHAPES, BYTES)}
# A generic event: type, time, content, thread. Its type describes the content: of each number the name, where
# it begins, its bytes, and what it is, of which up to 3 are numbers, signed, unsigned or with a point.
_GENERIC_SHAPE: Final[Shape] = {1: VARINT, 2: VARINT, 3: BYTES, 4: dict.fromkeys((1, 2, 3, 4), VARINT)}
_DESCRIBED: Final = frozenset({1, 2, 3, 8})
_LAST_KIND: Final = 3
_MOST_BYTES: Final = 8
# Processes: program, arguments, folder, environment.
_PROGRAM_PATH, _FOLDER, _ARGUMENTS, _ENVIRONMENT = 7, 8, 9, 13
_PROGRAM_NAMES: Final = (5, 6)


@dataclass
class References:
    """What the events refer to.

    Attributes:
        uses: id of a text → what it is for.
        profiled: processes that have events of their own, as in their ids without the thread.
        processes: process → its number, in the order in which they are met.
        payloads: binary payloads of NVTX, which name texts of the string table.
        folders: in which processes ran.
        sampled: (id of a text, process, what it is for) of samples of all processes that ran.
    """

    uses: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    profiled: set[int] = field(default_factory=set)
    processes: dict[int, int] = field(default_factory=dict)
    payloads: Domains = field(default_factory=Domains)
    folders: set[str] = field(default_factory=set)
    sampled: set[tuple[int, int, str]] = field(default_factory=set)

    def use(self, ids: NDArray[np.uint64] | Positions, what: str) -> None:
        """Note what texts are for."""
        for one in np.unique(ids).tolist():
            self.uses[one].add(what)


@dataclass(frozen=True)
class _Events:
    """The events of a block with one sort of payload.

    Attributes:
        payload: its field number.
        types: of the events.
        starts, ends: of the events in the block.
        at, until: of their payloads.
        fields: of their payloads.
    """

    payload: int
    types: NDArray[np.int64]
    starts: Positions
    ends: Positions
    at: Positions
    until: Positions
    fields: dict[Path, Field]


class Events:
    """All events of a report.

    Args:
        container: of it.
        progress: called with (blocks done, twice how many there are).
    """

    def __init__(self, container: Container, progress: Progress) -> None:
        self._container = container
        self._progress = progress
        self._done = 0
        self._name = container.source.path.name
        self._sizes = _sizes(container)

    def references(self) -> References:
        """What they refer to.

        Raises:
            UnsupportedReportError: there is something among them that is not known.
        """
        found = References()
        self._describe(found.payloads)
        for block in self._container.blocks:
            with Located(self._container.source, block.offset):
                buffer = self._buffer(block)
                for events in self._of(block, buffer):
                    _note(events, found)
                    _note_payloads(buffer, events, found.payloads)
                    if events.payload == layout.PROCESS:
                        self._processes(block, events, found)
            self._on()
        for number, process, use in found.sampled:
            found.uses[number].add(use if process in found.profiled else f"foreign {use}")
        if fault := found.payloads.fault():
            raise unknown(self._name, fault, "events")
        for number, use in found.payloads.texts:
            if number < len(self._container.strings):
                found.uses[number].add(use)
        found.use(np.array(list(self._metric_ids()), np.uint64), METRIC)
        return found

    def rewritten(self, block: Block, texts: Texts, found: References) -> bytes | None:
        """The message of a block with other texts; None if there are none to change."""
        buffer = self._buffer(block)
        with Located(self._container.source, block.offset):
            edits: list[tuple[int, int, bytes]] = []
            for events in self._of(block, buffer):
                edits += _edits(buffer, events, texts, found)
        self._on()
        if not edits:
            return None
        edits.sort()
        out, at = [], 0
        for start, end, event in edits:
            # Tag and length of an event stand before it.
            before = start - 1 - len(protobuf.varint_bytes(end - start))
            out += [bytes(buffer.view[at:before]), protobuf.field(1, event)]
            at = end
        return b"".join([*out, bytes(buffer.view[at : buffer.size])])

    def _on(self) -> None:
        self._done += 1
        self._progress(self._done, 2 * len(self._container.blocks))

    def _buffer(self, block: Block) -> Buffer:
        return Buffer([decompress(self._container.source, self._container.data, block)])

    def _of(self, block: Block, buffer: Buffer) -> Iterator[_Events]:
        seen = Tally()
        starts, ends, generic = blocks.events(buffer)
        if generic.any():
            self._generic(buffer, starts[generic], ends[generic], seen)
            starts, ends = starts[~generic], ends[~generic]
        top = messages.split(buffer, starts, ends, _EVENT_SHAPE, unknown=seen.unknown)
        types = checks.event_types(top.get(1), starts)
        contents = {number: column for number, column in top.items() if column.sizes is not None}
        checks.one_payload(contents, starts)
        for number, column in contents.items():
            if number not in _SHAPES:
                continue
            assert column.sizes is not None
            rows = np.arange(starts.size) if column.rows is None else column.rows
            at, until = column.values, column.values + column.sizes
            self._types_fit(types[rows], number, at)
            fields = messages.decode(
                buffer, at, until, _SHAPES[number], path=(number,), keep=_KEPT,
                repeated=_REPEATED, unknown=seen.unknown,
            )  # fmt: skip
            for path in layout.STRING_IDS & fields.keys():
                checks.strings(fields[path], len(self._container.strings), path, at)
            checks.frames(buffer, number, fields, len(self._container.strings), seen)
            for path in _OF_ANY_TYPE & fields.keys():
                if fields[path].sizes is not None:
                    raise unknown(self._name, "no number", f"field {'.'.join(map(str, path))} of an event")
            for path in _FRAMES & fields.keys():
                fields |= _frames(buffer, path, fields[path])
            yield _Events(number, types[rows], starts[rows], ends[rows], at, until, fields)
        self._refuse(seen, block)

    def _refuse(self, seen: Tally, block: Block) -> None:
        where = f"block at byte {block.offset}"
        for path, _ in seen.unknown.fields:
            raise unknown(self._name, f"field {'.'.join(map(str, path))} of an event", where)

    def _types_fit(self, types: NDArray[np.int64], payload: int, at: Positions) -> None:
        for row, type_ in zip(*np.unique(types, return_index=True)[::-1], strict=True):
            if layout.EVENT_TYPES.get(int(type_)) != payload:
                raise unknown(
                    self._name, f"an event of type {type_} with payload {payload}", f"byte {at[row]}"
                )

    def _generic(self, buffer: Buffer, starts: Positions, ends: Positions, seen: Tally) -> None:
        fields = messages.decode(
            buffer, starts, ends, _GENERIC_SHAPE, path=(), keep={(1,)}, repeated=(), unknown=seen.unknown
        )
        if any((number,) not in fields or fields[number,].rows is not None for number in (1, 2, 3)):
            raise WireError("a generic event lacks its type, time or content", int(starts[0]))
        contents = fields[3,]
        assert contents.sizes is not None
        for row, (type_, at, size) in enumerate(
            zip(fields[1,].values.tolist(), contents.values.tolist(), contents.sizes.tolist(), strict=True)
        ):
            if type_ not in self._sizes:
                raise unknown(self._name, f"a generic event of type {type_}", f"generic event {row}")
            most = self._sizes[type_]
            # A type without numbers describes others.
            if size > most and not (most == 0 and is_numbers(bytes(buffer.view[at : at + size]))):
                raise unknown(self._name, "more than its numbers in a generic event", f"generic event {row}")

    def _metric_ids(self) -> Iterator[int]:
        """Ids of the texts that name the numbers in generic events, and types of these."""
        for described in self._container.generic_types:
            if protobuf.number(described, 1) in self._sizes:
                yield from (protobuf.number(one, 1) or 0 for one in protobuf.submessages(described, 3))
                if (name := protobuf.number(described, 2)) is not None:
                    yield name

    def _processes(self, block: Block, events: _Events, found: References) -> None:
        buffer = self._buffer(block)
        for at, until in zip(events.at.tolist(), events.until.tolist(), strict=True):
            parsed = protobuf.message(buffer.view, at, until)
            process = protobuf.number(parsed, 2) or 0
            found.folders.update(protobuf.texts(parsed, _FOLDER))
            found.processes.setdefault(process >> 24, len(found.processes) + 1)

    def _describe(self, payloads: Domains) -> None:
        """A binary payload may hold texts: its layout has to say that it does not."""
        for process in protobuf.submessages(self._container.payload_schemas, 3):
            for enum in protobuf.submessages(process, 4):
                payloads[protobuf.number(enum, 1) or 0].enums.add(protobuf.number(enum, 2) or 0)
            for schema in protobuf.submessages(process, 2):
                entries = tuple(
                    Entry._make(
                        [
                            *(protobuf.number(entry, one) or 0 for one in (1, 2, 3, 4)),
                            protobuf.text(entry, 7) or "",
                        ]
                    )
                    for entry in protobuf.submessages(schema, 4)
                )
                layout_ = Layout(entries, protobuf.number(schema, 6) or 0)
                domain = payloads[protobuf.number(schema, 9) or 0]
                domain.layouts[protobuf.number(schema, 1) or 0].add(layout_)


_KEPT: Final = {
    *_USES,
    _TEXT_ID,
    _TEXT,
    _DOMAIN,
    _SAMPLED_THREAD,
    *layout.OWNER_FIELD.values(),
}


def _sizes(container: Container) -> dict[int, int]:
    """Type of generic events whose content is numbers alone → how many bytes these have, at most."""
    found = {}
    for described in container.generic_types:
        numbers = protobuf.submessages(described, 3)
        parts = [tuple(protobuf.number(one, field) or 0 for field in (2, 3, 8)) for one in numbers]
        if all(set(one) <= _DESCRIBED for one in numbers) and all(
            1 <= size <= _MOST_BYTES and kind <= _LAST_KIND for _, size, kind in parts
        ):
            end = max((offset + size for offset, size, _ in parts), default=0)
            # Nothing stands between the numbers, but what fills the room to the next one.
            found[protobuf.number(described, 1) or 0] = min(end, len(parts) * _MOST_BYTES)
    return found


def _frames(buffer: Buffer, path: Path, inner: Field) -> dict[Path, Field]:
    """The frames of call chains, opened."""
    assert inner.sizes is not None
    shape = layout.SHAPES[path[0]][path[1]]
    assert not isinstance(shape, int)
    found = messages.split(
        buffer, inner.values, inner.values + inner.sizes, shape, path=path, unknown=Unknown()
    )
    return {(*path, number): column for number, column in found.items()}


def _note(events: _Events, found: References) -> None:
    fields = events.fields
    for path, use in _USES.items():
        if path in fields:
            found.use(fields[path].values, use)
    for frames in _FRAMES - {_SAMPLED}:
        for number, use in _FRAME_USES.items():
            if (*frames, number) in fields:
                found.use(fields[*frames, number].values, use)
    if _SAMPLED in fields:
        _note_samples(events, found)
    if _TEXT_ID in fields:
        ids = fields[_TEXT_ID]
        types = events.types if ids.rows is None else events.types[ids.rows]
        is_range = np.isin(types, _RANGES)
        found.use(ids.values[is_range], RANGE)
        found.use(ids.values[~is_range], LABEL)
    # A GPU switches to the contexts of all processes.
    owner = None if events.payload == layout.CONTEXT_SWITCH else layout.OWNER_FIELD.get(events.payload)
    if owner in fields and owner is not None:
        found.profiled.update(np.unique(fields[owner].values.astype(np.uint64) >> np.uint64(24)).tolist())


def _note_payloads(buffer: Buffer, events: _Events, payloads: Domains) -> None:
    for domain, _, number, start, end in _payloads(buffer, events):
        payloads[domain].see(number, bytes(buffer.view[start:end]))


def _payloads(buffer: Buffer, events: _Events) -> Iterator[tuple[int, int, int, int, int]]:
    """(domain, event, number of its layout, where its bytes begin, and end) of each binary payload."""
    domains = dict(_rows_of(events, column, column.values)) if (column := events.fields.get(_DOMAIN)) else {}
    for row, number, start, end in binary_payloads.places(buffer, events.fields, events.at.size):
        yield domains.get(row, 0), row, number, start, end


def _rows_of(events: _Events, of: Field, values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """(event, value) of a field."""
    rows = range(events.at.size) if of.rows is None else of.rows.tolist()
    return zip(rows, values.tolist(), strict=True)


def _note_samples(events: _Events, found: References) -> None:
    """Whose functions and files the frames of samples name."""
    fields = events.fields
    owners = np.zeros(events.at.size, np.uint64)
    if _SAMPLED_THREAD in fields:
        thread = fields[_SAMPLED_THREAD]
        rows = slice(None) if thread.rows is None else thread.rows
        owners[rows] = thread.values.astype(np.uint64) >> np.uint64(24)
    of_frames = owners if fields[_SAMPLED].rows is None else owners[fields[_SAMPLED].rows]
    for number, use in _FRAME_USES.items():
        if (column := fields.get((*_SAMPLED, number))) is not None:
            processes = of_frames if column.rows is None else of_frames[column.rows]
            pairs = np.unique(np.stack([column.values.astype(np.uint64), processes]), axis=1)
            found.sampled.update((text, process, use) for text, process in pairs.T.tolist())


# --- writing ----------------------------------------------------------------------------------------------


def _edits(
    buffer: Buffer, events: _Events, texts: Texts, found: References
) -> Iterator[tuple[int, int, bytes]]:
    """(start, end, what stands there now) of events that change."""
    if events.payload == layout.NVTX:
        yield from _of_ranges(buffer, events, texts, found.payloads)
        return
    change = {
        layout.PROCESS: lambda content: _process(content, texts, found),
        layout.DIAGNOSTIC: lambda content: _replaced(content, 4, texts.free),
        layout.TRACE: lambda content: _call(content, texts),
        layout.MEMORY_USE: lambda content: _replaced(content, 11, texts.name),
    }.get(events.payload)
    if change is None:
        return
    rows = range(events.at.size)
    if events.payload in _TEXTS_OF:
        there = [events.fields[path].rows for path in _TEXTS_OF[events.payload] if path in events.fields]
        if not there:
            return
        if not any(one is None for one in there):
            rows = np.unique(np.concatenate(cast("list[Positions]", there))).tolist()
    for row in rows:
        before = _content(buffer, events, row)
        after = change(before)
        if after != before:
            yield _event(buffer, events, row, after)


def _of_ranges(
    buffer: Buffer, events: _Events, texts: Texts, payloads: Domains
) -> Iterator[tuple[int, int, bytes]]:
    contents = _blanked(buffer, events, payloads)
    for row, at, size, text in _renamed(buffer, events, texts):
        content = contents.get(row) or _content(buffer, events, row)
        # Its tag has one byte.
        start = at - 1 - len(protobuf.varint_bytes(size))
        contents[row] = content[:start] + protobuf.field(_TEXT[1], text) + content[at + size :]
    for row, content in contents.items():
        yield _event(buffer, events, row, content)


def _blanked(buffer: Buffer, events: _Events, payloads: Domains) -> dict[int, bytes]:
    """Event → what is in it, of those whose binary payloads have room for what no layout describes."""
    changed: dict[int, bytes] = {}
    for domain, row, number, start, end in _payloads(buffer, events):
        before = bytes(buffer.view[start:end])
        if (after := payloads[domain].blanked(number, before)) != before:
            content, at = changed.get(row) or _content(buffer, events, row), start - int(events.at[row])
            changed[row] = content[:at] + after + content[at + len(after) :]
    return changed


def _renamed(buffer: Buffer, events: _Events, texts: Texts) -> Iterator[tuple[int, int, int, bytes]]:
    """(event, where in it a text stands, its bytes, what stands there now) of texts that change."""
    column = events.fields.get(_TEXT)
    if column is None:
        return
    assert column.sizes is not None
    known: dict[tuple[bytes, bool], bytes] = {}
    is_range = np.isin(events.types, _RANGES).tolist()
    for (row, at), size in zip(_rows_of(events, column, column.values), column.sizes.tolist(), strict=True):
        before = bytes(buffer.view[at : at + size])
        after = known.get((before, is_range[row]))
        if after is None:
            after = known[before, is_range[row]] = _nvtx(before, is_range[row], texts)
        if after != before:
            yield row, at - int(events.at[row]), size, after


def _content(buffer: Buffer, events: _Events, row: int) -> bytes:
    return bytes(buffer.view[int(events.at[row]) : int(events.until[row])])


def _nvtx(before: bytes, is_range: bool, texts: Texts) -> bytes:
    text = before.decode("utf-8", "replace")
    after = texts.name(text)
    if is_range:
        after = texts.names.pseudonym(after, kinds.RANGE, texts.removed)
    return before if after == text else after.encode("utf-8", "replace")


def _event(buffer: Buffer, events: _Events, row: int, payload: bytes) -> tuple[int, int, bytes]:
    start, end = int(events.starts[row]), int(events.ends[row])
    at, until = int(events.at[row]), int(events.until[row])
    tag = protobuf.tag(events.payload, BYTES)
    before = at - len(tag) - len(protobuf.varint_bytes(until - at))
    event = b"".join(
        (buffer.view[start:before], protobuf.field(events.payload, payload), buffer.view[until:end])
    )
    return start, end, event


def _replaced(content: bytes, which: int, change: Callable[[str], str]) -> bytes:
    out = []
    for number, wire_type, value in protobuf.fields(content, 0, len(content)):
        if number == which and isinstance(value, bytes):
            before = value.decode("utf-8", "replace")
            after = change(before)
            value = value if after == before else after.encode("utf-8", "replace")
        out.append(protobuf.again(number, wire_type, value))
    return b"".join(out)


def _process(content: bytes, texts: Texts, found: References) -> bytes:
    """A process: its program's name stays, if it was profiled."""
    process = (protobuf.number(protobuf.message(content), 2) or 0) >> 24
    out = []
    for number, wire_type, value in protobuf.fields(content, 0, len(content)):
        if number in (_PROGRAM_PATH, _FOLDER, _ARGUMENTS):
            texts.removed.add(kinds.COMMAND_LINE if number == _ARGUMENTS else kinds.PATH)
            continue
        if number == _ENVIRONMENT:
            continue
        if number in _PROGRAM_NAMES and isinstance(value, bytes):
            if process in found.profiled:
                value = texts.program(value.decode("utf-8", "replace")).encode("utf-8", "replace")
            else:
                instead = f"process-{found.processes[process]}"
                value = texts.emptied(value.decode("utf-8", "replace"), kinds.FOREIGN, instead).encode()
        out.append(protobuf.again(number, wire_type, value))
    return b"".join(out)


def _call(content: bytes, texts: Texts) -> bytes:
    """A call that compiled code, where it keeps that; one that opened a file, its name and its mode."""
    out = []
    for number, wire_type, value in protobuf.fields(content, 0, len(content)):
        if number == 40 and isinstance(value, bytes):
            value = texts_within(value, texts.free)
        elif number == 43 and isinstance(value, bytes):
            value = text_rule(texts.path)(value) or b""
        out.append(protobuf.again(number, wire_type, value))
    return b"".join(out)
