"""What must be true of the events; one that would be misread is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from traceql.read.nsys_rep import layout, messages
from traceql.read.nsys_rep.arrow import presence
from traceql.read.nsys_rep.tally import counted
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.messages import Field, Path, Shape
    from traceql.read.nsys_rep.tally import Tally


class UnsupportedEventError(WireError):
    """Valid bytes that mean something this reader would misread."""


def event_types(column: Field | None, starts: Positions) -> NDArray[np.int64]:
    """The types of all events; each must have one."""
    if column is None or (column.rows is not None and column.rows.size < starts.size):
        if starts.size == 0:
            return np.zeros(0, np.int64)
        raise WireError("an event has no type", int(starts[0]))
    if column.values.max() > np.iinfo(np.int32).max:
        raise WireError("an event type is no small number", int(starts[0]))
    return column.values.astype(np.int64)


def one_payload(payloads: Mapping[int, Field], starts: Positions) -> None:
    """No event may have two payloads."""
    count = np.zeros(starts.size, np.uint8)
    for column in payloads.values():
        if column.depths is not None and column.depths.any():
            raise WireError("an event has two payloads", int(starts[0]))
        count[slice(None) if column.rows is None else column.rows] += 1
    if (count > 1).any():
        raise WireError("an event has two payloads", int(starts[np.flatnonzero(count > 1)[0]]))


def types_fit(types: NDArray[np.int64], payload: int, positions: Positions, tally: Tally) -> None:
    """Events of a known type must have the payload that belongs to it; unknown types are counted."""
    for value, count in counted(types):
        expected = layout.EVENT_TYPES.get(value)
        if expected is None:
            tally.types[value] += count
        elif expected != payload:
            at = int(positions[np.flatnonzero(types == value)[0]])
            raise UnsupportedEventError(f"an event of type {value} has payload {payload}, not {expected}", at)


def nanoseconds(flag: Field | None, starts: Positions) -> None:
    """All times must be nanoseconds."""
    if starts.size and (flag is None or flag.rows is not None or (flag.values != 1).any()):
        raise UnsupportedEventError("an event's time is not in nanoseconds", int(starts[0]))


def strings(ids: Field, string_count: int, path: Path, starts: Positions) -> None:
    """String ids must refer to a string."""
    if not ids.values.size or int(ids.values.max()) < string_count:
        return
    values = ids.values[ids.values != layout.NO_STRING] if path == layout.NAME else ids.values
    if values.size and int(values.max()) >= string_count:
        name = ".".join(map(str, path))
        raise WireError(
            f"field {name} refers to string {int(values.max())}, the last one is {string_count - 1}",
            int(starts[0]),
        )


def classes(
    payload: int, fields: dict[Path, Field], starts: Positions, tally: Tally
) -> NDArray[np.int64] | None:
    """Each event's class, checked against its details and counted by process."""
    classes: NDArray[np.int64] | None = None
    if payload in layout.CLASS_FIELD and starts.size:
        found = fields.get(layout.CLASS_FIELD[payload])
        if found is None or found.rows is not None or found.values.max() > np.iinfo(np.int32).max:
            raise WireError(f"a {layout.PAYLOAD_NAMES[payload]} event has no valid class", int(starts[0]))
        classes = found.values.astype(np.int64)
    owners = None
    owner = fields.get(layout.OWNER_FIELD[payload]) if payload in layout.OWNER_FIELD else None
    if owner is not None:
        # An event without owner counts for process 0, which no diagnostic speaks of.
        owners = np.zeros(starts.size, np.uint64)
        owners[slice(None) if owner.rows is None else owner.rows] = owner.values
        owners >>= np.uint64(24)
    for value in [-1] if classes is None else [value for value, _ in counted(classes)]:
        mine = None if classes is None else classes == value
        tally.classes[payload, value] += starts.size if mine is None else int(np.count_nonzero(mine))
        if owners is not None:
            for process, count in counted(owners if mine is None else owners[mine]):
                tally.owned[payload, value, process] += count
    if payload == layout.CUDA and classes is not None:
        for value, details in layout.CUDA_DETAILS.items():
            having = presence(fields.get((payload, details)), starts.size)
            odd = np.flatnonzero((classes == value) != having)
            if odd.size:
                raise UnsupportedEventError(
                    f"a CUDA event of class {classes[odd[0]]} does not fit its details", int(starts[odd[0]])
                )
    return classes


def frames(
    buffer: Buffer,
    payload: int,
    fields: dict[Path, Field],
    string_count: int,
    tally: Tally,
    classes: NDArray[np.int64] | None = None,
) -> None:
    """Walk the messages inside repeated fields, which `messages.decode` leaves closed; count by class."""
    _inside(buffer, fields, tally, layout.PAYLOADS, layout.PAYLOAD)
    stages = _inside(buffer, fields, tally, layout.PIPELINES, layout.PIPELINE)
    _inside(buffer, stages, tally, layout.PIPELINE_STAGES, layout.PIPELINE_STAGE)
    for path in layout.REPEATED - {layout.PAYLOADS, layout.PIPELINES, layout.PIPELINE_STAGES}:
        shape = layout.SHAPES[payload].get(path[1]) if path[0] == payload else None
        if path not in fields or shape is None or isinstance(shape, int):
            continue
        inner = fields[path]
        assert inner.sizes is not None
        is_frame = shape is not layout.SHAPES[layout.SAMPLE].get(5)
        if classes is not None:
            for value, count in counted(classes if inner.rows is None else classes[inner.rows]):
                tally.frames[payload, value] += count
        keep = {(*path, number) for number in layout.FRAME_STRING_IDS} if is_frame else set()
        found = messages.split(
            buffer,
            inner.values,
            inner.values + inner.sizes,
            shape,
            path=path,
            keep=keep,
            unknown=tally.unknown,
        )
        for number in layout.FRAME_STRING_IDS if is_frame else ():
            if number in found:
                strings(found[number], string_count, (*path, number), inner.values)


def _inside(
    buffer: Buffer, fields: Mapping[Path, Field], tally: Tally, path: Path, shape: Shape
) -> dict[Path, Field]:
    """Walk the messages inside a repeated field: payloads of ranges, pipelines of Vulkan and their stages."""
    inner = fields.get(path)
    if inner is None:
        return {}
    assert inner.sizes is not None
    found = messages.split(
        buffer,
        inner.values,
        inner.values + inner.sizes,
        shape,
        path=path,
        repeated=layout.REPEATED,
        unknown=tally.unknown,
    )
    return {(*path, number): field for number, field in found.items()}
