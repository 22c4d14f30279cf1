"""What somebody gives. Files are read whole: what is no file, or larger than such files are, is refused.

A pipe would be waited for, and a device may never end. Numbers may have more digits than Python writes.
"""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from collections import Counter
from numbers import Number
from pathlib import Path, PurePath
from types import NoneType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from traceql.errors import TraceqlError

#: Bytes of a file that people write: SQL, TOML, a model's configuration.
MOST_BYTES = 16 << 20

# What Python writes as it would be given again, unlike objects and tables.
_WRITTEN = (str, bytes, Number, list, tuple, dict, set, NoneType, PurePath)
# A number of so many digits is one of DuckDB's, too; nothing that is counted has more.
_MOST_DIGITS = 18


def content(
    file: Traversable, name: str, error: type[TraceqlError], remedy: str, most_bytes: int = MOST_BYTES
) -> bytes:
    """The bytes of a file.

    Args:
        file: to read.
        name: of it, for messages.
        error: raised when it is not there, no file, or larger than `most_bytes`.
        remedy: of the error.
        most_bytes: that such a file may have.
    """
    try:
        if isinstance(file, Path):
            mode = file.stat().st_mode
            # A folder is told by the system, when it is opened.
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise error(f"{name}: not a file", remedy)
        with file.open("rb") as stream:
            found: bytes = stream.read(most_bytes + 1)
    except OSError as problem:
        raise error(f"{name}: cannot be read ({problem.strerror})", remedy) from problem
    except ValueError as problem:
        # A name that no file can have.
        raise error(f"{name}: cannot be read ({problem})", remedy) from None
    if len(found) > most_bytes:
        raise error(f"{name}: larger than {most_bytes:,} bytes", remedy)
    return found


def real(path: str | Path) -> Path:
    """Where a path leads, absolute; links in a circle and names that no file has stay as they are."""
    # Before Python 3.13 pathlib ends at such links.
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        return Path(path).absolute()


def decoded(found: bytes) -> str:
    r"""UTF-8 as text, with or without a byte order mark; every end of a line is ``\n``.

    Raises:
        UnicodeDecodeError: it is something else.
    """
    return io.TextIOWrapper(io.BytesIO(found), encoding="utf-8-sig").read()


def from_json(text: str) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is no JSON, or an object has a key twice, of which one would be lost.
        RecursionError: it is nested deeper than anything that is meant.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except ValueError as problem:
        raise ValueError(fault(problem)) from problem


def fault(problem: ValueError) -> str:
    """What is wrong with a text of JSON or TOML, or a number that is to be a text.

    >>> fault(ValueError("Exceeds the limit (4300 digits) …; use sys.set_int_max_str_digits() …"))
    'a number of more than 4,300 digits'
    """
    if "set_int_max_str_digits" in str(problem):
        return f"a number of more than {sys.get_int_max_str_digits():,} digits"
    return str(problem)


def said(value: object, most: int | None = None) -> str:
    """A value as a message repeats it: as Python writes it, if it does.

    Args:
        value: of any kind.
        most: characters of it that are repeated.

    >>> said("gemm"), said([1, 2, 3], most=5)
    ("'gemm'", '[1, 2…')
    >>> said(10**5000), said({"limit": 10**5000}), said(object())
    ('a number of more than 4,300 digits', 'a dict with a number of more than 4,300 digits', 'an object')
    """
    if not isinstance(value, _WRITTEN):
        return kind(value)
    try:
        text = repr(value)
    except ValueError as problem:
        return fault(problem) if isinstance(value, Number) else f"{kind(value)} with {fault(problem)}"
    return text if most is None or len(text) <= most else f"{text[:most]}…"


def kind(value: object) -> str:
    """What a value is, where it is too much to say.

    >>> kind([1, 2, 3]), kind(iter(()))
    ('a list', 'a tuple_iterator')
    """
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def whole_number(text: str) -> int | None:
    """The number that a text of digits is; None for other texts, and where nothing has so many.

    >>> whole_number("0012"), whole_number("-1"), whole_number("9" * 5000)
    (12, None, None)
    """
    # Python makes no number of thousands of digits.
    return int(text) if text.isdecimal() and len(text.lstrip("0")) <= _MOST_DIGITS else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} twice in one object")
    return found


def valid(text: str) -> str:
    r"""A text without halves of surrogate pairs, which no database column can hold.

    Python has them for the bytes of a file's name that are not UTF-8, and JSON may say them.

    >>> valid("run \udcff.nsys-rep")
    'run \ufffd.nsys-rep'
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
