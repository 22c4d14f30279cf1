"""What libraries tell once: records that stand beside the layouts of their payloads, in the schema block.

The bytes of one begin with how many they are, and with three numbers that say of what the record is; a layout
named ``NsysMpiTeam`` calls them paradigm, version and type.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from traceql.read import protobuf

if TYPE_CHECKING:
    from traceql.read.protobuf import Message

_HEAD: Final = struct.Struct("<IBBBx")


class Record(NamedTuple):
    """One record.

    Attributes:
        process: that told it, as in globalPid.
        time: nanoseconds since the trace began.
        kind: paradigm, version and type; None where the bytes do not begin so.
        content: what follows.
    """

    process: int
    time: int
    kind: tuple[int, int, int] | None
    content: bytes


def records(block: Message) -> list[Record]:
    """The records of a report's schema block, in order.

    Raises:
        WireError: a message is not valid.
    """
    found = []
    for process in protobuf.submessages(block, 3):
        owner = protobuf.number(process, 1) or 0
        for record in protobuf.submessages(process, 3):
            (content,) = protobuf.blobs(record, 4)[-1:] or (b"",)
            kind = None
            if len(content) >= _HEAD.size:
                size, *told = _HEAD.unpack_from(content)
                kind = (told[0], told[1], told[2]) if size == len(content) else None
            found.append(Record(owner, protobuf.signed(record, 1) or 0, kind, content[_HEAD.size :]))
    return found
