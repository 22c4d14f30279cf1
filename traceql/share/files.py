"""Files that somebody names for what leaves: put in place when they are whole."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, TypeVar

from traceql.errors import TraceqlError
from traceql.read import temporary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def written(path: Path, suffixes: tuple[str, ...], write: Callable[[IO[bytes]], T]) -> T:
    """Let somebody write a file of its own, and return what he says of it.

    Raises:
        TraceqlError: the file is called otherwise than the suffixes say, or cannot be written.
    """
    if not path.name.lower().endswith(suffixes):
        raise TraceqlError(f"{path}: the file's name must end in {' or '.join(suffixes)}")
    try:
        with temporary.replacing(path) as file:
            return write(file)
    except OSError as error:
        raise TraceqlError(
            f"{path}: cannot be written ({error.strerror or error})", "Choose another place."
        ) from error
