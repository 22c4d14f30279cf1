"""The room that a text takes on a terminal, and how it is made to fit: letters of East Asia take two."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEFT_OUT = "…"
# Of a hash, where names differ in their middle only.
_DIGITS = 3


def width(text: str) -> int:
    """Columns of a terminal.

    >>> width("gemm"), width("核函数"), width("e\u0301")
    (4, 6, 1)
    """
    return len(text) if text.isascii() else sum(map(_of, text))


def _of(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def both_ends(text: str, room: int) -> str:
    """`text` in so many columns: a long one keeps its beginning and its end.

    >>> both_ends("void gemm_kernel<float, 128>(float*)", 20), both_ends("gemm", 20)
    ('void gemm_…>(float*)', 'gemm')
    """
    if width(text) <= room:
        return text
    return _ends(text, room, _LEFT_OUT)


def _ends(text: str, room: int, between: str) -> str:
    left = max(0, room - len(between))
    end = _beginning(text[::-1], left // 2)[::-1]
    return f"{_beginning(text, left - left // 2)}{between}{end}"


def told_apart(texts: Sequence[str], room: int) -> list[str]:
    """As `both_ends`, each; where different texts would look the same, digits of a hash stand in the middle.

    >>> told_apart(["gemm_bf16_64x64_kernel", "gemm_bf16_32x32_kernel", "copy"], 14)
    ['gemm_…555…rnel', 'gemm_…acc…rnel', 'copy']
    """
    alike: dict[str, set[str]] = {}
    for text in set(texts):
        alike.setdefault(both_ends(text, room), set()).add(text)
    short = {}
    for same, of in alike.items():
        for text in of:
            short[text] = same if len(of) == 1 else _marked(text, room)
    return [short[text] for text in texts]


def _marked(text: str, room: int) -> str:
    """Both ends of a text, and what tells it from others between them."""
    # Most tables have no such names, and it brings OpenSSL along.
    import hashlib

    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    between = f"{_LEFT_OUT}{mark}{_LEFT_OUT}"
    return _ends(text, room, between[: max(room, 1)])


def beginning(text: str, room: int) -> str:
    """`text` in so many columns: of a long one as much as fits.

    >>> beginning("Which kernels take the most GPU time?", 20)
    'Which kernels take…'
    """
    return text if width(text) <= room else f"{_beginning(text, room - 1).rstrip()}{_LEFT_OUT}"


def _beginning(text: str, room: int) -> str:
    """As many letters as fit; marks above a letter stay with it."""
    if text.isascii():
        return text[:room]
    taken = 0
    for number, letter in enumerate(text):
        taken += _of(letter)
        if taken > room:
            return text[:number]
    return text


def padded(text: str, room: int, *, right: bool = False) -> str:
    """`text` with blanks to so many columns."""
    blanks = " " * (room - width(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"


def folded(text: str, room: int | None) -> list[str]:
    """`text` in lines of so many columns, between words where there are any; in one line without a limit.

    >>> folded("start on the GPU; NULL for ncu", 16), folded("", 4)
    (['start on the', 'GPU; NULL for', 'ncu'], [''])
    """
    if room is None or width(text) <= room:
        return [text]
    lines = [""]
    for one in text.split(" "):
        word = one
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= room:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        while width(word) > room:
            # A letter of two columns in a room of one stays whole.
            piece = _beginning(word, room) or word[0]
            lines[-1] = piece
            lines.append("")
            word = word[len(piece) :]
        lines[-1] = word
    return lines
