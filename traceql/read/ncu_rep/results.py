"""The profiled workloads of a report, without NVIDIA's library, as the columns of the raw tables.

The walk through a result is Python, a step per field; its metrics are decoded by `metrics`, thousands at a
time, their instances by `instances`. ``docs/ncu-rep-format.md`` tells what is known of the messages, and from
where. What is not known is refused.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read import protobuf
from traceql.read.buffer import Buffer
from traceql.read.ncu_rep import labels, ranges, stacks
from traceql.read.ncu_rep.container import KERNEL
from traceql.read.ncu_rep.labels import KERNEL_SECTIONS, OTHER_SECTIONS, Labels
from traceql.read.ncu_rep.metrics import Metrics
from traceql.read.ncu_rep.sources import Sources, references
from traceql.read.ncu_rep.tables import coded, transposed
from traceql.read.protobuf import BYTES, FIXED32, FIXED64, VARINT, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql.read.base import Progress
    from traceql.read.ncu_rep.container import Block, Container
    from traceql.read.ncu_rep.tables import Columns
    from traceql.read.protobuf import Message, Value

# Payload to read at a time: blocks are small, and a step of numpy is worth it for thousands of metrics.
_BATCH_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class _Form:
    """Field numbers of a kind of result."""

    metrics: int
    nvtx: int
    sections: int
    rules: int
    sources: int
    # Of native calls and of Python's.
    stacks: tuple[int, int]
    names: tuple[int, ...] = ()
    # What NVTX calls its context and its stream.
    named: tuple[int, ...] = ()
    # Whether `sources` are numbers, not messages that hold one.
    refers_by_number: bool = True


_FORMS: Final = {
    # Function, demangled and mangled name.
    KERNEL: _Form(
        metrics=13,
        nvtx=21,
        sections=KERNEL_SECTIONS,
        rules=19,
        sources=15,
        stacks=(28, 32),
        names=(6, 7, 5),
        named=(26, 27),
        refers_by_number=False,
    ),
    "range": _Form(
        metrics=4, nvtx=10, sections=OTHER_SECTIONS, rules=20, sources=15, stacks=(14, 17), named=(13,)
    ),
    # What it is displayed as.
    "cmdlist": _Form(
        metrics=4,
        nvtx=10,
        sections=OTHER_SECTIONS,
        rules=21,
        sources=17,
        stacks=(16, 22),
        names=(18,),
    ),
    "graph": _Form(
        metrics=4,
        nvtx=10,
        sections=OTHER_SECTIONS,
        rules=22,
        sources=17,
        stacks=(16, 19),
        named=(14, 15),
    ),
}
_THREAD: Final = 1
_STACK_KINDS: Final = ("native", "python")

_MESSAGE_KINDS: Final = {0: "none", 1: "ok", 2: "warning", 3: "error", 4: "optimization"}
_SPEEDUP_SCOPES: Final = {1: "local", 2: "global"}
_SEVERITIES: Final = {0: "default", 1: "low", 2: "high"}
# The messages of markers have numbers of their own.
_MARKER_KINDS: Final = {0: "none", 1: "ok", 2: "optimization", 3: "warning", 4: "error"}


class RefusedError(Exception):
    """Something in a result that is not known, or contradicts itself.

    Attributes:
        what: it is.
        at: its position in the file.
    """

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what, at)
        self.what = what
        self.at = at


@dataclass
class Collected:
    """What was decoded.

    Attributes:
        columns: of the tables of workloads (of ``ncu_actions`` all but the process), and of ``ncu_labels``.
        without_unit: metrics whose unit is not known.
        without_lines: why source lines of modules are not known, a text for each.
    """

    columns: Columns
    without_unit: list[str]
    without_lines: list[str]


def collect(path: Path, container: Container, progress: Progress) -> Collected:
    """Decode every workload of a report.

    Args:
        path: the report.
        container: its blocks.
        progress: told about workloads.

    Raises:
        RefusedError: a result is damaged, or not as it is known.
    """
    reader = _Reader(container)
    for data, batch in _payloads(path, container.blocks):
        try:
            reader.add(data, batch)
        except WireError as error:
            raise RefusedError(error.what, batch[0].begin + error.at) from error
        progress(len(reader.actions), container.results)
    try:
        return reader.collected(path, container.source_blocks)
    except WireError as error:
        raise RefusedError(error.what, error.at) from error


def untold(path: Path, container: Container) -> Columns:
    """The tables of which NVIDIA's library tells nothing: stacks and streams; damaged results have none."""
    frames: list[tuple[Any, ...]] = []
    streams: list[tuple[Any, ...]] = []
    results = 0
    with contextlib.suppress(RefusedError, WireError):
        for data, batch in _payloads(path, container.blocks):
            for _, kept, form, _ in _results(data, batch, [], []):
                frames.extend((results, *frame) for frame in _frames(kept, form))
                streams.extend((results, *names) for names in _named(kept, form))
                results += 1
    return _untold(frames, streams)


def _payloads(path: Path, blocks: list[Block]) -> Iterator[tuple[bytes, list[Block]]]:
    """The file from the first block's payload to the end of the last one's, some blocks at a time."""
    for batch in _batches(blocks):
        begin, end = batch[0].begin, batch[-1].end
        with path.open("rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        if len(data) < end - begin:
            raise RefusedError("the file has become shorter", begin + len(data))
        # What follows a tag at the very end can be looked at, too.
        yield data + b"\0", batch


def _batches(blocks: list[Block]) -> Iterator[list[Block]]:
    batch: list[Block] = []
    for block in blocks:
        if batch and block.end - batch[0].begin > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(block)
    if batch:
        yield batch


class _Reader:
    """The columns of the per-workload tables, filled a batch of blocks at a time."""

    def __init__(self, container: Container) -> None:
        self._metrics = Metrics(container.strings)
        self.actions: list[tuple[Any, ...]] = []
        self._nvtx: list[tuple[Any, ...]] = []
        self._rules: list[tuple[Any, ...]] = []
        self._focus: list[tuple[Any, ...]] = []
        self._markers: list[tuple[Any, ...]] = []
        self._stacks: list[tuple[Any, ...]] = []
        self._streams: list[tuple[Any, ...]] = []
        # Of each workload, its process, and the modules whose code it ran.
        self._modules: list[tuple[int | None, list[int | None]]] = []
        self._labels = Labels()
        # Workloads of one range, and there are many, have the same state.
        self._states: dict[tuple[bytes, int | None], list[tuple[Any, ...]]] = {}

    def add(self, data: bytes, batch: list[Block]) -> None:
        """Decode the results of blocks.

        Args:
            data: the file from the first block's payload to the end of the last one's, and one byte more.
            batch: the blocks.
        """
        starts: list[int] = []
        ends: list[int] = []
        actions: list[int] = []
        counts: list[int] = []
        before = 0
        for begin, kept, form, block in _results(data, batch, starts, ends):
            actions.append(len(self.actions))
            counts.append(len(starts) - before)
            before = len(starts)
            try:
                self._add_result(kept, form, block)
            except WireError as error:
                # It counts from the beginning of a message inside the result.
                raise WireError(error.what, begin) from error
        self._metrics.add(
            Buffer([data]),
            np.array(starts, np.int64),
            np.array(ends, np.int64),
            np.repeat(np.array(actions, np.int64), np.array(counts, np.int64)),
        )

    def _add_result(self, kept: dict[int, list[bytes | int]], form: _Form, block: Block) -> None:
        number = len(self.actions)
        self.actions.append((number, *_names(kept, form, block.workload), block.workload))
        thread = kept.get(_THREAD, [None])[-1]
        assert thread is None or isinstance(thread, int)
        for state in kept.get(form.nvtx, ())[-1:]:
            assert isinstance(state, bytes)
            key = (state, thread)
            if key not in self._states:
                self._states[key] = list(ranges.around(protobuf.message(state), thread))
            self._nvtx.extend((number, *row) for row in self._states[key])
        self._labels.add(section for section in kept.get(form.sections, ()) if isinstance(section, bytes))
        for rule in kept.get(form.rules, ()):
            assert isinstance(rule, bytes)
            message = protobuf.message(rule)
            self._rules.extend((number, *row) for row in _advice(message))
            self._focus.extend((number, *row) for row in _focus(message))
            self._markers.extend((number, *row) for row in _markers(message))
        self._stacks.extend((number, *frame) for frame in _frames(kept, form))
        self._streams.extend((number, *names) for names in _named(kept, form))
        self._modules.append((block.pid, references(kept.get(form.sources, ()))))

    def collected(self, path: Path, source_blocks: list[Block]) -> Collected:
        """What was decoded, in the order in which NVIDIA's library tells it."""
        metrics, without_unit = self._metrics.columns()
        instructions, without_lines = self._instructions(path, source_blocks)
        return Collected(
            {
                "ncu_actions": transposed("ncu_actions", self.actions),
                "ncu_metrics": metrics,
                "ncu_instances": self._metrics.instances.columns(),
                "ncu_instructions": transposed("ncu_instructions", instructions),
                "ncu_nvtx": transposed("ncu_nvtx", self._nvtx),
                "ncu_rules": transposed("ncu_rules", self._rules),
                "ncu_focus": transposed("ncu_focus", self._focus),
                "ncu_markers": transposed("ncu_markers", self._markers),
                **_untold(self._stacks, self._streams),
                "ncu_labels": labels.table(self._labels),
            },
            without_unit,
            without_lines,
        )

    def _instructions(
        self, path: Path, source_blocks: list[Block]
    ) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Rows of ``ncu_instructions``, and why there are no more."""
        named = list(self._metrics.instances.addresses())
        if not named:
            return [], []
        sources = Sources(path, source_blocks)
        rows = [
            (action, *row)
            for action, addresses in named
            for row in sources.instructions(*self._modules[action], addresses)
        ]
        return rows, sources.unread


def _results(
    data: bytes, batch: list[Block], starts: list[int], ends: list[int]
) -> Iterator[tuple[int, dict[int, list[bytes | int]], _Form, Block]]:
    """Where each result of some blocks begins, what is kept of it, its form, and its block.

    Args:
        data: the file from the first block's payload to the end of the last one's, and one byte more.
        batch: the blocks.
        starts: gets the places of the metrics.
        ends: gets where they end.
    """
    first = batch[0].begin
    for block in batch:
        end = block.end - first
        at = _skip(data, block.begin - first, end, block.sources)
        if block.workload not in _FORMS:
            raise WireError("a block holds results of several sorts", block.begin - first)
        form = _FORMS[block.workload]
        for _ in range(block.results):
            begin, at = _sized(data, at, end)
            yield begin, _walk(data, begin, at, form, starts, ends), form, block
        if at != end:
            raise WireError(f"a block has {end - at} bytes more than its results", at)


def _untold(frames: list[tuple[Any, ...]], streams: list[tuple[Any, ...]]) -> Columns:
    return {
        "ncu_stacks": coded(transposed("ncu_stacks", frames), "function", "file", "module"),
        "ncu_streams": transposed("ncu_streams", streams),
    }


def _frames(kept: dict[int, list[bytes | int]], form: _Form) -> Iterator[stacks.Frame]:
    """The stacks from which a workload was launched, frame by frame."""
    for kind, field in zip(_STACK_KINDS, form.stacks, strict=True):
        if field in kept:
            yield from stacks.frames((each for each in kept[field] if isinstance(each, bytes)), kind)


def _named(kept: dict[int, list[bytes | int]], form: _Form) -> Iterator[tuple[str | None, str | None]]:
    """What NVTX calls the context and the stream of a workload, if anything."""
    texts = [_text(kept, number) or None for number in form.named]
    context, stream = (*texts, None, None)[:2]
    if context or stream:
        yield context, stream


def _names(kept: dict[int, list[bytes | int]], form: _Form, workload: str) -> tuple[str, str, str]:
    """Function, demangled and mangled name; of what is no kernel, what it is called."""
    found = [text for number in form.names if (text := _text(kept, number)) is not None]
    if workload != KERNEL:
        name = found[0] if found and found[0] else workload
        return name, name, name
    if len(found) != len(form.names):
        raise WireError("a kernel lacks one of its names", 0)
    function, demangled, mangled = found
    return function or mangled, demangled or mangled, mangled


def _text(kept: dict[int, list[bytes | int]], number: int) -> str | None:
    """The last value of a field; None if that is no text, or there is none."""
    value = kept[number][-1] if kept.get(number) else None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def _skip(data: bytes, at: int, end: int, count: int) -> int:
    """The position behind `count` messages."""
    for _ in range(count):
        _, at = _sized(data, at, end)
    return at


def _sized(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the message behind the length at `at` begins and ends."""
    begin = at + 4
    stop = begin + int.from_bytes(data[at:begin], "little")
    if stop > end:
        raise WireError("a message reaches beyond its block", at)
    return begin, stop


def _walk(
    data: bytes, at: int, end: int, form: _Form, starts: list[int], ends: list[int]
) -> dict[int, list[bytes | int]]:
    """The fields of a result that are decoded one by one; where its metrics are is appended to two lists."""
    wanted = (form.nvtx, form.sections, form.rules, form.sources, *form.stacks, *form.names)
    kept: dict[int, list[bytes | int]] = {}
    metric_tag = form.metrics << 3 | BYTES
    add_start, add_end = starts.append, ends.append
    while at < end:
        # The hot loop: a metric has a tag of one byte, and mostly less than 128 bytes.
        if data[at] == metric_tag:
            begin = at + 2
            size = data[at + 1]
            if size >= 0x80:
                size, begin = protobuf.varint(data, at + 1, end)
            at = begin + size
            if at > end:
                raise WireError("a metric runs past the end of its result", begin)
            add_start(begin)
            add_end(at)
            continue
        here = at
        tag, at = protobuf.varint(data, at, end)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, at = protobuf.varint(data, at, end)
            if number == _THREAD or (number == form.sources and form.refers_by_number):
                kept.setdefault(number, []).append(value)
            elif number in wanted or number == form.metrics:
                raise WireError(f"field {number} of a result is a number where bytes belong", here)
            continue
        size, at = _size(data, at, end, number, wire_type, here)
        if number in wanted:
            if wire_type != BYTES or (number == form.sources and form.refers_by_number):
                raise WireError(f"field {number} of a result is a number where bytes belong", here)
            kept.setdefault(number, []).append(data[at : at + size])
        elif number in form.named and wire_type == BYTES:
            kept.setdefault(number, []).append(data[at : at + size])
        elif number in (_THREAD, form.metrics):
            raise WireError(f"field {number} of a result has another type", here)
        at += size
    return kept


def _size(data: bytes, at: int, end: int, number: int, wire_type: int, here: int) -> tuple[int, int]:
    """How many bytes a field has, and where they begin."""
    if number == 0:
        raise WireError("a field has the number 0", here)
    if wire_type == BYTES:
        size, at = protobuf.varint(data, at, end)
    elif wire_type in (FIXED32, FIXED64):
        size = 4 if wire_type == FIXED32 else 8
    else:
        raise WireError(f"field {number} has the unknown wire type {wire_type}", here)
    if size > end - at:
        raise WireError(f"field {number} runs past the end of its message", here)
    return size, at


def _advice(rule: Message) -> Iterator[tuple[Any, ...]]:
    """What a rule says, a row for each message; rows of ``ncu_rules``."""
    identifier, section = protobuf.text(rule, 1), protobuf.text(rule, 4)
    for body in protobuf.submessages(rule, 3):
        for item in protobuf.submessages(body, 1):
            # An item without a message is a table, which has a row of its own.
            message = next(iter(protobuf.submessages(item, 1)), {})
            speedup = next(iter(protobuf.submessages(item, 10)), {})
            percents = speedup.get(2)
            yield (
                identifier,
                section,
                _MESSAGE_KINDS.get(protobuf.number(message, 2) or 0, "none"),
                protobuf.text(message, 4) or "",
                protobuf.text(message, 1) or "",
                None if percents is None else _double(percents[-1]),
                _SPEEDUP_SCOPES.get(protobuf.number(speedup, 1) or 0),
            )


def _focus(rule: Message) -> Iterator[tuple[Any, ...]]:
    """The metrics that a rule looked at; rows of ``ncu_focus``."""
    identifier, section = protobuf.text(rule, 1), protobuf.text(rule, 4)
    for body in protobuf.submessages(rule, 3):
        for item in protobuf.submessages(body, 1):
            for metric in protobuf.submessages(item, 8):
                values = metric.get(3)
                yield (
                    identifier,
                    section,
                    protobuf.text(metric, 2),
                    None if values is None else _double(values[-1]),
                    _SEVERITIES.get(protobuf.number(metric, 4) or 0),
                    protobuf.text(metric, 5) or "",
                )


def _markers(rule: Message) -> Iterator[tuple[Any, ...]]:
    """What a rule says of an instruction or of a source line; rows of ``ncu_markers``."""
    identifier, section = protobuf.text(rule, 1), protobuf.text(rule, 4)
    for marker in protobuf.submessages(rule, 5):
        is_line = protobuf.number(marker, 1) == 1
        yield (
            identifier,
            section,
            _MARKER_KINDS.get(protobuf.number(marker, 5) or 0, "none"),
            protobuf.text(marker, 4) or "",
            None if is_line else protobuf.signed(marker, 3),
            (protobuf.text(marker, 6) or None) if is_line else None,
            protobuf.number(marker, 2) if is_line else None,
        )


def _double(value: Value) -> float:
    if not isinstance(value, bytes) or len(value) != 8:
        raise WireError("a number of a rule is no double", 0)
    return float(np.frombuffer(value, "<f8")[0])
