"""The profiled workloads of a report, without NVIDIA's library, as the columns of the raw tables.

The walk through a result is Python, a step per field; what all metrics have in common is decoded thousands at
a time. Instance values, sections and source files are passed over. ``docs/ncu-rep-format.md`` tells what is
known of the messages, and from where. What is not known is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read import protobuf
from traceql.read.buffer import Buffer, Positions, varints
from traceql.read.ncu_rep import labels
from traceql.read.ncu_rep.container import KERNEL
from traceql.read.ncu_rep.labels import KERNEL_SECTIONS, OTHER_SECTIONS, Labels
from traceql.read.ncu_rep.tables import names as columns_of
from traceql.read.ncu_rep.tables import transposed
from traceql.read.ncu_rep.units import units
from traceql.read.protobuf import BYTES, FIXED32, FIXED64, VARINT, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from traceql.read.base import Progress
    from traceql.read.ncu_rep.container import Block, Container
    from traceql.read.ncu_rep.tables import Columns
    from traceql.read.protobuf import Message, Value

# Payload to read at a time: blocks are small, and a step of numpy is worth it for thousands of metrics.
_BATCH_BYTES: Final = 4_000_000


@dataclass(frozen=True)
class _Form:
    """Field numbers of a kind of result."""

    metrics: int
    nvtx: int
    sections: int
    rules: int
    names: tuple[int, ...] = ()


_FORMS: Final = {
    # Function, demangled and mangled name.
    KERNEL: _Form(metrics=13, nvtx=21, sections=KERNEL_SECTIONS, rules=19, names=(6, 7, 5)),
    "range": _Form(metrics=4, nvtx=10, sections=OTHER_SECTIONS, rules=20),
    # What it is displayed as.
    "cmdlist": _Form(metrics=4, nvtx=10, sections=OTHER_SECTIONS, rules=21, names=(18,)),
    "graph": _Form(metrics=4, nvtx=10, sections=OTHER_SECTIONS, rules=22),
}
_THREAD: Final = 1

# A metric: name (an index of the string table), value, instances, category.
_NAME_TAG, _VALUE_TAG, _AFTER_VALUE = 0x08, 0x12, (0x1A, 0x20)
# The tag of a value tells its type.
_TEXT, _FLOAT, _DOUBLE, _UINT32, _UINT64 = 0x0A, 0x15, 0x19, 0x20, 0x28
_ABSENT: Final = 0

_MESSAGE_KINDS: Final = {0: "none", 1: "ok", 2: "warning", 3: "error", 4: "optimization"}
_SPEEDUP_SCOPES: Final = {1: "local", 2: "global"}


@dataclass
class _Metrics:
    """Metrics as they lie in the file, of all workloads."""

    actions: list[Positions] = field(default_factory=list)
    names: list[Positions] = field(default_factory=list)
    values: list[NDArray[np.float64]] = field(default_factory=list)
    # Row → text: of texts, and of numbers that are not finite.
    texts: dict[int, str] = field(default_factory=dict)
    count: int = 0


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
        columns: of ``ncu_actions`` (all but the process), ``ncu_metrics``, ``ncu_nvtx``, ``ncu_rules`` and
            ``ncu_labels``.
        without_unit: metrics whose unit is not known.
    """

    columns: Columns
    without_unit: list[str]


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
    for batch in _batches(container.blocks):
        begin, end = batch[0].begin, batch[-1].end
        with path.open("rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        try:
            reader.add(data, batch)
        except WireError as error:
            raise RefusedError(error.what, begin + error.at) from error
        progress(len(reader.actions), container.results)
    return reader.collected()


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
        self._strings = container.strings
        self._metrics = _Metrics()
        self.actions: list[tuple[Any, ...]] = []
        self._nvtx: list[tuple[Any, ...]] = []
        self._rules: list[tuple[Any, ...]] = []
        self._labels = Labels()
        # Workloads of one range, and there are many, have the same state.
        self._states: dict[tuple[bytes, int | None], list[tuple[Any, ...]]] = {}

    def add(self, data: bytes, batch: list[Block]) -> None:
        """Decode the results of blocks.

        Args:
            data: the file from the first block's payload to the end of the last one's.
            batch: the blocks.
        """
        first = batch[0].begin
        starts: list[int] = []
        ends: list[int] = []
        actions: list[int] = []
        counts: list[int] = []
        for block in batch:
            end = block.end - first
            at = _skip(data, block.begin - first, end, block.sources)
            if block.workload not in _FORMS:
                raise WireError("a block holds results of several sorts", block.begin - first)
            form = _FORMS[block.workload]
            for _ in range(block.results):
                begin, at = _sized(data, at, end)
                before = len(starts)
                kept = _walk(data, begin, at, form, starts, ends)
                actions.append(len(self.actions))
                counts.append(len(starts) - before)
                try:
                    self._add_result(kept, form, block.workload)
                except WireError as error:
                    # It counts from the beginning of a message inside the result.
                    raise WireError(error.what, begin) from error
            if at != end:
                raise WireError(f"a block has {end - at} bytes more than its results", at)
        positions = np.array(starts, np.int64), np.array(ends, np.int64)
        self._add_metrics(Buffer([data]), *positions, np.repeat(np.array(actions), np.array(counts)))

    def _add_result(self, kept: dict[int, list[bytes | int]], form: _Form, workload: str) -> None:
        number = len(self.actions)
        self.actions.append((number, *_names(kept, form, workload), workload))
        thread = kept.get(_THREAD, [None])[-1]
        assert thread is None or isinstance(thread, int)
        for state in kept.get(form.nvtx, ())[-1:]:
            assert isinstance(state, bytes)
            key = (state, thread)
            if key not in self._states:
                self._states[key] = list(_ranges(protobuf.message(state), thread))
            self._nvtx.extend((number, *row) for row in self._states[key])
        self._labels.add(section for section in kept.get(form.sections, ()) if isinstance(section, bytes))
        for rule in kept.get(form.rules, ()):
            assert isinstance(rule, bytes)
            self._rules.extend((number, *row) for row in _advice(protobuf.message(rule)))

    def _add_metrics(self, buffer: Buffer, starts: Positions, ends: Positions, actions: Positions) -> None:
        if not starts.size:
            return
        metrics = self._metrics
        names, kinds, bodies, sizes = _heads(buffer, starts, ends)
        if names.max() >= len(self._strings):
            at = int(starts[names.argmax()])
            raise WireError(f"a metric's name is string {names.max()} of {len(self._strings)}", at)
        values, found = _values(buffer, kinds, bodies, sizes)
        metrics.texts.update({metrics.count + row: text for row, text in found.items()})
        metrics.actions.append(actions)
        metrics.names.append(names)
        metrics.values.append(values)
        metrics.count += names.size

    def collected(self) -> Collected:
        """What was decoded, in the order in which NVIDIA's library tells it."""
        metrics, without_unit = self._in_order()
        return Collected(
            {
                "ncu_actions": transposed("ncu_actions", self.actions),
                "ncu_metrics": metrics,
                "ncu_nvtx": transposed("ncu_nvtx", self._nvtx),
                "ncu_rules": transposed("ncu_rules", self._rules),
                "ncu_labels": labels.table(self._labels),
            },
            without_unit,
        )

    def _in_order(self) -> tuple[dict[str, Any], list[str]]:
        """The columns of ``ncu_metrics``, each workload's by name, and the metrics without a known unit."""
        if not self._metrics.count:
            return dict.fromkeys(columns_of("ncu_metrics"), ()) | {"metric": ((), ()), "unit": ((), ())}, []
        actions = np.concatenate(self._metrics.actions)
        values = np.concatenate(self._metrics.values)
        ids = np.concatenate(self._metrics.names)
        # A name that the table holds twice is one metric; ranked as text, which is how UTF-8 sorts, too.
        names = sorted(set(self._strings))
        rank = {name: place for place, name in enumerate(names)}
        codes = np.array([rank[name] for name in self._strings])[ids]
        keys = actions * len(names) + codes
        if (np.diff(keys) <= 0).any():
            order = np.argsort(keys, kind="stable")
            # Of a metric that is there twice, the last one counts.
            keys = keys[order]
            order = order[np.append(keys[1:] != keys[:-1], True)]
            actions, codes, values = actions[order], codes[order], values[order]
        else:
            order = np.arange(keys.size)
        # In the order in which they are first met.
        first = np.full(len(names), codes.size)
        np.minimum.at(first, codes, np.arange(codes.size))
        used = np.argsort(first, kind="stable")[: (first < codes.size).sum()]
        place = np.zeros(len(names), np.int32)
        place[used] = np.arange(used.size)
        codes = place[codes]
        metrics = [names[code] for code in used]
        found = units(metrics)
        distinct = list(dict.fromkeys(unit for unit in found if unit is not None))
        unit_codes = np.array([-1 if unit is None else distinct.index(unit) for unit in found], np.int32)[
            codes
        ]
        texts = np.full(self._metrics.count, None)
        texts[list(self._metrics.texts)] = list(self._metrics.texts.values())
        columns = {
            "action": actions,
            "metric": (codes, metrics),
            "unit": (unit_codes, distinct),
            "value": values,
            "text": texts[order],
        }
        return columns, [name for name, unit in zip(metrics, found, strict=True) if unit is None]


def _names(kept: dict[int, list[bytes | int]], form: _Form, workload: str) -> tuple[str, str, str]:
    """Function, demangled and mangled name; of what is no kernel, what it is called."""
    found = [
        value.decode("utf-8", "replace")
        for number in form.names
        for value in kept.get(number, ())[-1:]
        if isinstance(value, bytes)
    ]
    if workload != KERNEL:
        name = found[0] if found and found[0] else workload
        return name, name, name
    if len(found) != len(form.names):
        raise WireError("a kernel lacks one of its names", 0)
    function, demangled, mangled = found
    return function or mangled, demangled or mangled, mangled


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
    wanted = (form.nvtx, form.sections, form.rules, *form.names)
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
            if number == _THREAD:
                kept.setdefault(number, []).append(value)
            elif number in wanted:
                raise WireError(f"field {number} of a result is a number where bytes belong", here)
            continue
        size, at = _size(data, at, end, number, wire_type, here)
        if number in wanted:
            if wire_type != BYTES:
                raise WireError(f"field {number} of a result is a number where bytes belong", here)
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


def _heads(
    buffer: Buffer, starts: Positions, ends: Positions
) -> tuple[Positions, NDArray[np.uint8], Positions, Positions]:
    """Of each metric: its name's id; its value's tag (`_ABSENT` without one), place and size."""
    _check(buffer.bytes[starts] == _NAME_TAG, "a metric does not begin with its name", starts)
    found, after = varints(buffer, starts + 1, wanted=True)
    assert found is not None
    _check(after <= ends, "a metric's name runs past its end", starts)
    _check(found < 1 << 32, "a metric's name is a number above 32 bits", starts)
    names = found.astype(np.int64)
    inside = after < ends
    tags = np.where(inside, buffer.bytes[after], 0)
    has_value = tags == _VALUE_TAG
    holders = np.flatnonzero(has_value)
    sizes_found, begins = varints(buffer, after[holders] + 1, wanted=True)
    assert sizes_found is not None
    room = ends[holders] - begins
    _check(
        (room >= 0) & (sizes_found <= np.maximum(room, 0).astype(np.uint64)),
        "a value runs past the end of its metric",
        starts[holders],
    )
    sizes = np.zeros(starts.size, np.int64)
    sizes[holders] = sizes_found
    bodies = after.copy()
    bodies[holders] = begins
    # What follows the value are instances and the category. A value behind them would be missed here.
    next_at = bodies + sizes
    next_tags = buffer.bytes[next_at]
    _check(
        (next_at == ends) | np.isin(next_tags, _AFTER_VALUE),
        "a metric has an unknown field",
        starts,
    )
    kinds = np.where(sizes > 0, buffer.bytes[bodies], _ABSENT).astype(np.uint8)
    return names, kinds, bodies, sizes


def _values(
    buffer: Buffer, kinds: NDArray[np.uint8], bodies: Positions, sizes: Positions
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Numbers (NaN where there is none), and row → text of what is no finite number."""
    values = np.full(kinds.size, np.nan)
    texts: dict[int, str] = {}
    known = kinds == _ABSENT
    for tag, size, dtype in ((_DOUBLE, 9, "<f8"), (_FLOAT, 5, "<f4")):
        rows = np.flatnonzero(kinds == tag)
        _check(sizes[rows] == size, "a value is more than a number", bodies[rows])
        word = buffer.words[bodies[rows] + 1]
        values[rows] = (word if size == 9 else (word & 0xFFFFFFFF).astype(np.uint32)).view(dtype)
        odd = rows[~np.isfinite(values[rows])]
        texts.update((int(row), str(float(values[row]))) for row in odd)
        values[odd] = np.nan
        known[rows] = True
    for tag, largest in ((_UINT32, (1 << 32) - 1), (_UINT64, (1 << 64) - 1)):
        rows = np.flatnonzero(kinds == tag)
        numbers, after = varints(buffer, bodies[rows] + 1, wanted=True)
        assert numbers is not None
        _check(after == bodies[rows] + sizes[rows], "a value is more than a number", bodies[rows])
        _check(numbers <= largest, "a value does not fit 32 bits", bodies[rows])
        values[rows] = numbers
        known[rows] = True
    rows = np.flatnonzero(kinds == _TEXT)
    lengths, begins = varints(buffer, bodies[rows] + 1, wanted=True)
    assert lengths is not None
    _check(
        lengths == (bodies[rows] + sizes[rows] - begins).astype(np.uint64),
        "a value is more than a text",
        bodies[rows],
    )
    for row, begin, length in zip(rows.tolist(), begins.tolist(), lengths.tolist(), strict=True):
        texts[row] = bytes(buffer.view[begin : begin + length]).decode("utf-8", "replace")
    known[rows] = True
    _check(known, "a value has an unknown type", bodies)
    return values, texts


def _check(good: NDArray[np.bool_], what: str, at: Positions) -> None:
    if not good.all():
        raise WireError(what, int(at[np.flatnonzero(~good)[0]]))


def _ranges(state: Message, thread: int | None) -> Iterator[tuple[str, str, int, str, str]]:
    """Domain, style, depth, text and path of the ranges around a workload: a row of ``ncu_nvtx``."""
    stacks = next(
        (
            protobuf.submessages(entry, 2)
            for entry in protobuf.submessages(state, 2)
            if protobuf.number(entry, 1) == thread
        ),
        [],
    )
    loose = protobuf.submessages(state, 3)
    for domain in protobuf.submessages(state, 1):
        number = protobuf.number(domain, 1)
        name = protobuf.text(domain, 2) or ""
        name = "" if name == "<default domain>" else name
        path = ""
        for depth, text in enumerate(_texts_of(stacks, number, text_field=1)):
            path = f"{path}/{text}" if depth else text
            yield name, "pushpop", depth, text, path
        # Start/end ranges do not nest: each is its own path.
        for text in _texts_of(loose, number, text_field=2):
            yield name, "startend", 0, text, text


def _texts_of(domains: list[Message], number: int | None, text_field: int) -> list[str]:
    """Texts of the ranges in the first of the domains that has the number."""
    for domain in domains:
        if protobuf.number(domain, 1) == number:
            found = [protobuf.text(entry, text_field) for entry in protobuf.submessages(domain, 3)]
            if None in found:
                raise WireError("a range has no text", 0)
            return [text for text in found if text is not None]
    return []


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


def _double(value: Value) -> float:
    if not isinstance(value, bytes) or len(value) != 8:
        raise WireError("a speed-up is no double", 0)
    return float(np.frombuffer(value, "<f8")[0])
