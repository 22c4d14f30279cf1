"""The clocks of a report: when the trace ran, on the target's clock and in the world."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Final

from traceql.read import protobuf

if TYPE_CHECKING:
    from traceql.read.nsys_rep.container import Container
    from traceql.read.protobuf import Message

# Clocks, as the header numbers them.
_TARGET_CLOCK: Final = 7
_TRACE_CLOCK: Final = 1
_HOST_CLOCK: Final = 3
_UTC: Final = 9
_LOCAL: Final = 10
# Clock kinds of the section "Time Conversion Data".
_KIND_UTC: Final = 11
_KIND_TARGET: Final = 7

# A clock offset: signed, or unsigned and wrapped around, as the versions had it.
_DECIMAL: Final = re.compile(r"-?\d{1,20}", re.ASCII)

_OLD_CLOCK_STEP_NS: Final = 100_000


def _clock_offsets(container: Container) -> dict[tuple[int, int], int]:
    """(from clock, to clock) → ns to add."""
    offsets = {}
    for relations in protobuf.submessages(container.header, 16):
        for relation in protobuf.submessages(relations, 1):
            digits = protobuf.text(relation, 5) or ""
            if protobuf.text(relation, 6) != "Offset" or not _DECIMAL.fullmatch(digits):
                continue
            pair = (protobuf.number(relation, 1) or 0, protobuf.number(relation, 2) or 0)
            offsets[pair] = protobuf.as_signed(int(digits) & ((1 << 64) - 1))
    return offsets


def trace_span(container: Container) -> tuple[int, int] | None:
    """Start and stop of the trace in ns on the target's clock; event times count from the start."""
    start, stop = protobuf.signed(container.header, 17), protobuf.signed(container.header, 18)
    if start is None or stop is None:
        return None
    offset = _clock_offsets(container).get((_TARGET_CLOCK, _TRACE_CLOCK))
    if offset is not None:
        if -offset != start:
            # Up to 2021.2 this offset holds a rounded start, and NVIDIA's tool rounds the stop to match.
            stop = stop // _OLD_CLOCK_STEP_NS * _OLD_CLOCK_STEP_NS
        start = -offset
    return start, stop


def session_start(container: Container) -> tuple[int | None, str | None, str | None] | None:
    """UTC of event time 0 in ns since the epoch, the same as text, and the local time as text.

    From the clocks; failing that the local time only, to the second. None when nothing is known.
    """
    span = trace_span(container)
    if span is None:
        return None
    offsets = _clock_offsets(container)
    utc: int | None = None
    if (_HOST_CLOCK, _UTC) in offsets and (_TRACE_CLOCK, _HOST_CLOCK) in offsets:
        utc = span[0] - offsets[_HOST_CLOCK, _UTC] - offsets[_TRACE_CLOCK, _HOST_CLOCK]
    else:
        utc = _converted_utc(container.time_conversion, span[0])
    local = protobuf.text(container.ui_data, 4)
    if utc is not None and (_UTC, _LOCAL) in offsets:
        local = _iso(utc - offsets[_UTC, _LOCAL])
    if utc is None and local is None:
        return None
    return utc, None if utc is None else _iso(utc), local


def _converted_utc(conversion: Message, start: int) -> int | None:
    kinds = {}
    for clocks in protobuf.submessages(conversion, 1):
        for clock in protobuf.submessages(clocks, 1):
            kinds[tuple(protobuf.blobs(clock, 1))] = protobuf.number(clock, 2)
    for relations in protobuf.submessages(conversion, 2):
        for relation in protobuf.submessages(relations, 1):
            pair = (
                kinds.get(tuple(protobuf.blobs(relation, 1))),
                kinds.get(tuple(protobuf.blobs(relation, 2))),
            )
            if pair != (_KIND_UTC, _KIND_TARGET):
                continue
            for line in protobuf.submessages(relation, 3):
                for point in protobuf.submessages(line, 1):
                    return (protobuf.signed(point, 1) or 0) + start - (protobuf.signed(point, 2) or 0)
    return None


def _iso(ns: int) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise protobuf.WireError("the trace starts in no year of the calendar", 0) from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
