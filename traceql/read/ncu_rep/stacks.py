"""Where a workload was launched from: stacks of native calls and of Python's (``ncu --call-stack``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from traceql.read import protobuf
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FRAMES: Final = 1
# Fields of a frame, of which the first two are always there, if empty.
_MODULE, _ADDRESS, _FILE, _FUNCTION, _LINE = 1, 2, 3, 4, 5

#: Kind, place in the stack (0 is the call that launched), function, source file, line, library or program,
#: address: of a row of ``ncu_stacks``. None is what is not known.
Frame = tuple[str, int, str | None, str | None, int | None, str | None, int | None]


def frames(stacks: Iterable[bytes], kind: str) -> Iterator[Frame]:
    r"""The frames of a stack, the innermost first.

    Args:
        stacks: the messages; those of one field are one stack.
        kind: native or python.

    Raises:
        WireError: a frame is not as it is known.

    >>> list(frames([b"\n\x0c\n\x00\x10\x00\"\x04main(\x07"], "python"))
    [('python', 0, 'main', None, 7, None, None)]
    """
    messages = [each for stack in stacks for each in protobuf.submessages(protobuf.message(stack), _FRAMES)]
    for depth, frame in enumerate(messages):
        module, address = protobuf.text(frame, _MODULE), protobuf.number(frame, _ADDRESS)
        if module is None or address is None:
            raise WireError("a frame of a stack lacks its module or its address", 0)
        yield (
            kind,
            depth,
            protobuf.text(frame, _FUNCTION) or None,
            protobuf.text(frame, _FILE) or None,
            protobuf.number(frame, _LINE) or None,
            module or None,
            protobuf.as_signed(address) or None,
        )
