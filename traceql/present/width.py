"""The room that a text takes on a terminal, and how it is made to fit: letters of East Asia take two columns."""

from __future__ import annotations

import unicodedata

_LEFT_OUT = "…"


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
    behind = (room - 1) // 2
    end = _beginning(text[::-1], behind)[::-1]
    return f"{_beginning(text, room - 1 - behind)}{_LEFT_OUT}{end}"


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


def folded(text: str, room: int) -> list[str]:
    """`text` in lines of so many columns, between words where there are any.

    >>> folded("start on the GPU; NULL for ncu", 16), folded("", 4)
    (['start on the', 'GPU; NULL for', 'ncu'], [''])
    """
    if width(text) <= room:
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
