"""Perfetto's messages, as far as we write them: fields by name, and packets of thousands of events at a time.

The numbers are those of protos/perfetto/trace. All packets are of one sequence, whose names are interned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from traceql.read.protobuf import field
from traceql.read.protobuf_rows import constant, doubles, joined, message, several, varints

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from traceql.read.protobuf_rows import Field

_PACKET = 1
# Of TracePacket.
_CLOCKS, _TIMESTAMP, _SEQUENCE, _EVENT, _INTERNED, _FLAGS, _DESCRIPTOR = 6, 8, 10, 11, 12, 13, 60
# Of TrackEvent.
_CATEGORY, _ANNOTATION, _TYPE, _NAME, _TRACK, _VALUE = 3, 4, 9, 10, 11, 44
# As they were called first: every version of Perfetto reads them, while older ones do not know the newer.
_FLOWS, _LAST_FLOWS = 36, 42
_BEGIN, _END, _INSTANT, _COUNTER = 1, 2, 3, 4
# Of InternedData.
CATEGORIES, NAMES, ARGUMENTS, TEXTS = 1, 2, 3, 29
_BOOT_TIME, _REAL_TIME = 6, 1
_EXPLICIT = 3

_ONE_SEQUENCE = field(_SEQUENCE, 1)
# Its names are those that were interned before.
_HEAD: Final = _ONE_SEQUENCE + field(_FLAGS, 2)


@dataclass(frozen=True)
class Argument:
    """What is said beside an event: numbers, or numbers of interned texts.

    Attributes:
        name: number of its interned name.
        values: of all rows.
        present: False where an event has none; None if all have one.
        is_text: whether the values are interned.
    """

    name: int
    values: NDArray[Any]
    present: NDArray[np.bool_] | None
    is_text: bool


@dataclass(frozen=True)
class Events:
    """Events of one kind, in the order of their starts.

    Attributes:
        category: number of their interned category.
        tracks, starts, ends, names: of all rows; ends are None for instants.
        arguments: of all rows.
        flows: ids of arrows that begin at the events, one behind the other; and how many each has.
        last_flows: the id of the arrow that ends at each event; and where there is one.
    """

    category: int
    tracks: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64] | None
    names: NDArray[np.int64]
    arguments: Sequence[Argument]
    flows: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    last_flows: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None


def first(utc_ns: int) -> bytes:
    """The packets that begin a file: a new sequence, and a clock that shows UTC."""
    clocks = b"".join(field(1, field(1, clock) + field(2, utc_ns)) for clock in (_BOOT_TIME, _REAL_TIME))
    return _packet(_ONE_SEQUENCE + field(_FLAGS, 1)) + _packet(
        field(_TIMESTAMP, utc_ns) + _HEAD + field(_CLOCKS, clocks)
    )


def interned(kind: int, texts: Sequence[tuple[int, str]]) -> bytes:
    """The packet that gives numbers to texts; `kind` is `CATEGORIES`, `NAMES`, `ARGUMENTS` or `TEXTS`."""
    return _packet(
        _HEAD + field(_INTERNED, b"".join(field(kind, field(1, iid) + field(2, text)) for iid, text in texts))
    )


def process(track: int, rank: int, pid: int, name: str) -> bytes:
    """The packet that describes a process."""
    return _described(track, None, rank, field(3, field(1, pid) + field(6, name)))


def thread(track: int, rank: int, pid: int, tid: int, name: str) -> bytes:
    """The packet that describes a thread."""
    return _described(track, None, rank, field(4, field(1, pid) + field(2, tid) + field(5, name)))


def named(track: int, parent: int | None, rank: int, name: str) -> bytes:
    """The packet that describes any other track."""
    return _described(track, parent, rank, field(2, name))


def counter(track: int, parent: int, rank: int, name: str, unit: str) -> bytes:
    """The packet that describes a track of numbers."""
    return _described(track, parent, rank, field(2, name) + field(8, field(6, unit)))


def slices(events: Events) -> bytes:
    """Two packets for each event that lasts: of its begin, and of its end."""
    assert events.ends is not None
    rows = events.starts.size
    ended = [constant(field(_TYPE, _END), rows), varints(_TRACK, events.tracks)]
    end = [varints(_TIMESTAMP, events.ends), constant(_HEAD, rows), message(_EVENT, ended)]
    return joined([_begun(events, _BEGIN), message(_PACKET, end)])


def instants(events: Events) -> bytes:
    """A packet for each event that does not last."""
    return joined([_begun(events, _INSTANT)])


def values(tracks: NDArray[np.int64], times: NDArray[np.int64], numbers: NDArray[np.float64]) -> bytes:
    """A packet for each value of a counter."""
    rows = times.size
    event = [constant(field(_TYPE, _COUNTER), rows), varints(_TRACK, tracks), doubles(_VALUE, numbers)]
    packet = [varints(_TIMESTAMP, times), constant(_HEAD, rows), message(_EVENT, event)]
    return joined([message(_PACKET, packet)])


def _begun(events: Events, kind: int) -> Field:
    rows = events.starts.size
    event = [
        constant(field(_TYPE, kind) + field(_CATEGORY, events.category), rows),
        varints(_TRACK, events.tracks),
        varints(_NAME, events.names),
        *(_argument(one, rows) for one in events.arguments),
    ]
    if events.last_flows is not None:
        event.append(varints(_LAST_FLOWS, *events.last_flows))
    if events.flows is not None:
        event.append(several(_FLOWS, *events.flows))
    packet = [varints(_TIMESTAMP, events.starts), constant(_HEAD, rows), message(_EVENT, event)]
    return message(_PACKET, packet)


def _argument(one: Argument, rows: int) -> Field:
    if one.is_text:
        value = varints(17, one.values)
    elif one.values.dtype.kind == "f":
        value = doubles(5, one.values)
    else:
        value = varints(4, one.values)
    return message(_ANNOTATION, [constant(field(1, one.name), rows), value], one.present)


def _described(track: int, parent: int | None, rank: int, what: bytes) -> bytes:
    place = b"" if parent is None else field(5, parent)
    return _packet(
        _HEAD + field(_DESCRIPTOR, field(1, track) + place + what + field(11, _EXPLICIT) + field(12, rank))
    )


def _packet(content: bytes) -> bytes:
    return field(_PACKET, content)
