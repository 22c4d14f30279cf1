"""The empty database, kept in the user's cache folder: each new one is a copy of it.

To make one takes a fifth of a second, mostly for the comments that explain it to other clients. The kept one
is named after what it was made of and after its content: another version of anything, or a damaged file, is
no match, and one is made anew. Nothing here is needed: without a cache folder, databases are made as ever.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from traceql import __version__
from traceql.read import temporary
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.store.definitions import Definitions

_DIGITS = 16


def copy(place: str, definitions: Definitions) -> bool:
    """Put a copy of the kept database at `place`, if there is one that is made of the same."""
    with contextlib.suppress(OSError, RuntimeError):
        for kept in _folder().glob(f"{_prefix(definitions)}-*.duckdb"):
            content = kept.read_bytes()
            if kept.stem.endswith(_hash(content)):
                with _gone_on_error(place):
                    Path(place).write_bytes(content)
                return True
    return False


def keep(made: str, definitions: Definitions) -> None:
    """Keep a copy of the empty database that has just been made, in place of earlier ones."""
    with contextlib.suppress(OSError, RuntimeError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        content = Path(made).read_bytes()
        # A file that is whole when it gets its name.
        with temporary.folder(folder) as place:
            file = place / "new"
            file.write_bytes(content)
            for old in folder.glob("empty-*.duckdb"):
                old.unlink(missing_ok=True)
            file.rename(folder / f"{_prefix(definitions)}-{_hash(content)}.duckdb")


@contextlib.contextmanager
def _gone_on_error(place: str) -> Iterator[None]:
    """Leave no half of a file: the disk may be full."""
    try:
        yield
    except OSError:
        Path(place).unlink(missing_ok=True)
        raise


def _folder() -> Path:
    """The user's folder for what can be made again, as the system has it.

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "traceql"


def _prefix(definitions: Definitions) -> str:
    """Changes with everything that an empty database is made of."""
    versions = (duckdb.__version__, __version__, str(schema.SCHEMA_VERSION))
    made_of = [*versions, definitions.fingerprint, *schema.create_statements()]
    return f"empty-{_hash(repr(made_of).encode())}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
