"""Where a workload was launched from: stacks of native calls and of Python's (``ncu --call-stack``).

A frame has texts (function, source file, library or program) and numbers (where in them). No report at hand
has any, and NVIDIA's library tells none: which text is which is told by what those of a stack look like, and
the numbers are left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from traceql.read import protobuf
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from traceql.read.protobuf import Message

_FRAMES: Final = 1
# Fields of a frame: NVIDIA's library refuses one without this text and this number.
_TEXT, _NUMBER = 1, 2
# Others that may hold a text.
_MORE_TEXTS: Final = (3, 4, 5)
_SOURCE: Final = re.compile(r"\.(?:c|cc|cpp|cxx|cu|cuh|h|hpp|inl|py|pyx|f90|rs|jl)$", re.IGNORECASE)
# No function is called like a path, but that which divides, nor like a library or a program.
_PATH: Final = re.compile(r"(?<!operator)[/\\]|\.(?:so|dylib|dll|exe)\b")

#: Kind, place in the stack (0 is the report's first), function, source file and library or program: of a row
#: of ``ncu_stacks``.
Frame = tuple[str, int, str | None, str | None, str | None]


def frames(stacks: Iterable[bytes], kind: str) -> Iterator[Frame]:
    r"""The frames of a stack, in the order of the report.

    Args:
        stacks: the messages; those of one field are one stack.
        kind: native or python.

    Raises:
        WireError: a frame is not as it is known.

    >>> list(frames([b"\n\x08\n\x04main\x10\x01"], "native"))
    [('native', 0, 'main', None, None)]
    """
    told = [
        _texts(frame) for stack in stacks for frame in protobuf.submessages(protobuf.message(stack), _FRAMES)
    ]
    # A field means the same in all frames: that of functions is the one with names, of most of them.
    looks = Counter[int]()
    for texts in told:
        looks.update({field: 1 if _is_path(text) else -1 for field, text in texts.items()})
    for depth, texts in enumerate(told):
        names = [text for field, text in texts.items() if looks[field] < 0]
        paths = [text for field, text in texts.items() if looks[field] >= 0]
        sources = [path for path in paths if kind == "python" or _SOURCE.search(path)]
        modules = [path for path in paths if path not in sources]
        yield kind, depth, " ".join(names) or None, next(iter(sources), None), next(iter(modules), None)


def _texts(frame: Message) -> dict[int, str]:
    """What is no number in a frame, by field."""
    first = protobuf.text(frame, _TEXT)
    if first is None or protobuf.number(frame, _NUMBER) is None:
        raise WireError("a frame of a stack lacks its text or its number", 0)
    more = {
        field: values[-1].decode("utf-8", "replace")
        for field in _MORE_TEXTS
        for values in (frame.get(field, ()),)
        if values and isinstance(values[-1], bytes)
    }
    return {field: text for field, text in {_TEXT: first, **more}.items() if text}


def _is_path(text: str) -> bool:
    return bool(_PATH.search(text) or _SOURCE.search(text))
