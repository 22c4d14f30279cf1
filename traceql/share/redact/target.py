"""Where a result is put: only what redacting could have made is replaced, and only if it is asked for."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from traceql import given
from traceql.errors import ReportError
from traceql.read.source import plain_name

if TYPE_CHECKING:
    from collections.abc import Callable

_ELSEWHERE: Final = "Name another place with -o."
_FORCE: Final = "Name another place with -o, or replace it with --force."
# What files of one form are called; of the last, no result is. What is called otherwise may be a database.
_FORMS: Final = (
    {".nsys-rep", ".qdrep"},
    {".ncu-rep", ".nsight-cuprof-report"},
    {".sqlite", ".sqlite3", ".db", ".duckdb"},
    {".json"},
    {".csv", ".tsv", ".parquet", ".arrow", ".xlsx", ".md", ".html", ".txt"},
)
#: What DuckDB has not yet written into a database stands beside it, and would be put into any of its name.
_LOG: Final = ".wal"


def look_at(
    source: Path, target: Path, is_own: Callable[[Path], bool], *, force: bool, logged: bool = False
) -> None:
    """Refuse a place where the result must not be put.

    Args:
        source: what is redacted.
        target: where the result goes.
        is_own: whether a folder holds nothing but what a result of this form has.
        force: replace what is at `target`.
        logged: a database may have its log beside it.

    Raises:
        ReportError: there is something that is not replaced, or a name of another form.
    """
    if not target.parent.is_dir():
        raise ReportError(f"{target.parent}: no such folder", "Make it first.")
    _check_name(source, target)
    own, there = given.real(source), given.real(target)
    if own == there or (target.exists() and target.samefile(source)):
        raise ReportError(f"{target}: this is what is redacted itself", _ELSEWHERE)
    if own.is_relative_to(there) or there.is_relative_to(own):
        raise ReportError(f"{target}: one of {source} and this holds the other", _ELSEWHERE)
    places = [target, _log(target)] if logged else [target]
    taken = next((one for one in places if one.exists() or one.is_symlink()), None)
    if taken is None:
        return
    if not force:
        raise ReportError(f"{taken}: there already, not overwritten", _FORCE)
    for one in places:
        if not _is_of(one, source.is_dir() and one == target):
            raise ReportError(f"{one}: not of the same kind, not replaced", _ELSEWHERE)
    if target.is_dir() and not is_own(target):
        raise ReportError(f"{target}: holds something else, not replaced", _ELSEWHERE)


def put(made: Path, target: Path, removed: Path, *, logged: bool = False) -> None:
    """Put a result in its place.

    Args:
        made: the result, beside `removed`.
        target: its place, which `look_at` has seen.
        removed: where a folder is moved that was there.
        logged: a database's log goes.
    """
    if target.is_dir() and not target.is_symlink():
        target.rename(removed)
    if logged:
        _log(target).unlink(missing_ok=True)
    made.replace(target)


def _log(target: Path) -> Path:
    return target.with_name(target.name + _LOG)


def _is_of(place: Path, folder: bool) -> bool:
    """Whether a place is free, or has a folder or a usual file; a link must lead to a file or nowhere."""
    if place.is_symlink() and (folder or not place.exists()):
        return not folder
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)


def _check_name(source: Path, target: Path) -> None:
    if plain_name(target.name) != target.name:
        raise ReportError(f"{target}: the result is not compressed", "Leave that suffix out.")
    before, after = (Path(plain_name(one.name)).suffix.lower() for one in (source, target))
    of = next((form for form in _FORMS if after in form), None)
    is_known = any(before in form for form in _FORMS)
    if of is not None and (source.is_dir() or of is _FORMS[-1] or (is_known and before not in of)):
        raise ReportError(
            f"{target}: the result has the form of {source.name}, not that of {after}",
            "Choose another suffix.",
        )
