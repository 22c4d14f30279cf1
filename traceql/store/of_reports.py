"""Databases of reports that are named where a trace is, kept in the user's cache folder for the next time.

Each is a folder called after the bytes of its reports, their names, what lies beside them, and the traceql
that read them: whatever changes, it is made anew. It gets its name when it is whole, so that two processes at
once make it twice and keep one. Those that were not used for longest go when all together are too large.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Final

from traceql import __version__
from traceql.errors import DatabaseError, ReportError
from traceql.read import kept, temporary
from traceql.read.limits import bytes_of
from traceql.store import decode, read_in
from traceql.store.engine import duckdb
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from traceql.store.connection import Store

#: The variable that says how much is kept, and what it says where it is not set.
LIMIT_VARIABLE, LIMIT = "TRACEQL_CACHE_SIZE", "10GB"
_DATABASE = "traces.duckdb"
_DIGITS: Final = 32


def place(reports: Sequence[Path]) -> Path | None:
    """Where the database of some reports is kept, whether it is there or not; None where nothing is kept.

    Raises:
        ReportError: one of them is not there, or may not be read.
    """
    made_of = [(path.name, decode.fingerprint(path)) for path in reports]
    by = (__version__, duckdb.__version__, schema.SCHEMA_VERSION, schema.FINGERPRINT)
    key = hashlib.sha256(repr((by, made_of)).encode()).hexdigest()[:_DIGITS]
    # Without a home, or room for it, all is read as ever.
    with contextlib.suppress(OSError, RuntimeError):
        if _limit() > 0:
            return _folder() / key
    return None


def database(entry: Path) -> Path:
    """The file of a kept database."""
    return entry / _DATABASE


def names(entry: Path) -> list[str] | None:
    """What the traces of each report are called; None if nothing whole is kept there."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((entry / kept.NAMES).read_text("utf-8"))
        if isinstance(found, list) and all(isinstance(name, str) for name in found):
            # What is used now goes last.
            os.utime(entry)
            return found
    return None


def fill(store: Store, reports: Sequence[Path]) -> list[str]:
    """Read reports into an empty database; returns what the trace of each is called.

    Raises:
        ReportError: one cannot be read.
    """
    called = []
    for _, outcome in read_in.read_all(
        lambda: store, list(reports), before_arrow=store.before_arrow, early=store.is_new
    ):
        if isinstance(outcome, ReportError):
            raise outcome
        called.append(outcome.name)
    return called


def keep(entry: Path, make: Callable[[Path], list[str]]) -> bool:
    """Make a database and keep it; whether it is there now.

    Args:
        entry: where.
        make: makes the file, and returns what the trace of each report is called.

    Raises:
        ReportError: a report cannot be read.
    """
    # Where there is no room for it, nothing is kept.
    with contextlib.suppress(OSError, DatabaseError):
        with temporary.folder(entry.parent) as folder:
            new = folder / "new"
            new.mkdir(mode=0o700)
            called = make(database(new))
            (new / kept.NAMES).write_text(json.dumps(called), encoding="utf-8", newline="\n")
            with contextlib.suppress(OSError):
                # Unless somebody else was faster.
                new.rename(entry)
        _remove_oldest(entry)
    return names(entry) is not None


def forget(entry: Path) -> None:
    """Remove a database that cannot be used."""
    shutil.rmtree(entry, ignore_errors=True)


def _remove_oldest(spared: Path) -> None:
    """Remove databases, those first that were not used for longest, until the others fit."""
    sizes: dict[Path, int] = {}
    used: dict[Path, float] = {}
    for entry in spared.parent.iterdir():
        # Another process may remove it meanwhile; what is being made has another name.
        with contextlib.suppress(OSError):
            if (entry / kept.NAMES).is_file():
                used[entry] = entry.stat().st_mtime
                sizes[entry] = sum(file.stat().st_size for file in entry.iterdir())
    over = sum(sizes.values()) - _limit()
    for entry in sorted(sizes, key=lambda one: (used[one], one.name)):
        if over > 0 and entry != spared:
            forget(entry)
            over -= sizes[entry]


def _limit() -> int:
    """How many bytes are kept.

    Raises:
        ReportError: the variable says no size.
    """
    text = os.environ.get(LIMIT_VARIABLE) or LIMIT
    if text.strip() == "0":
        return 0
    try:
        return bytes_of(text)
    except ValueError as error:
        raise ReportError(f"{LIMIT_VARIABLE}: {error}", "0 keeps nothing.") from None


def _folder() -> Path:
    """For its owner alone: reports may hold what others shall not see."""
    folder = kept.folder() / kept.REPORTS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder
