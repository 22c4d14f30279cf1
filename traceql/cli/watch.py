"""How ``ingest --watch`` goes on: reports that lie in folders, and those that come.

A report is read when it has not changed from one look to the next: who records or copies has ended, or has
put the file in its place at once. One that cannot be read is told, and tried again when it has changed.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

import click

from traceql.cli.common import complain
from traceql.errors import DatabaseError, ReportError
from traceql.store.decode import find_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_EVERY_S: Final = 1.0
# Who writes a report does so more often.
_SETTLED_S: Final = 5.0

#: What a look at a report's file, or at all of its folder, sees.
State = tuple[tuple[str, int, int, int], ...]


def watch(folders: Sequence[Path], db: str, read: Callable[[list[Path]], object], *, quiet: bool) -> None:
    """Read what is there and what comes, until interrupted.

    Args:
        folders: to look into, with those in them.
        db: the database, which is passed over.
        read: reads reports into the database, and says what became of them.
        quiet: say nothing but errors.
    """
    if not quiet:
        click.echo(f"Watching {', '.join(map(str, folders))}. Ctrl-C ends it.", err=True)
    seen: dict[Path, State] = {}
    done: dict[Path, State] = {}
    told = ""
    while True:
        there = {path: state for path in _reports(folders, db) if (state := _state(path)) is not None}
        ready = [
            path
            for path, state in there.items()
            if state != done.get(path) and (state == seen.get(path) or _has_settled(state))
        ]
        seen = there
        # One that is gone may come again.
        done = {path: state for path, state in done.items() if path in there}
        if ready:
            try:
                read(ready)
            except DatabaseError as error:
                # Somebody else has it for long, or the disk is full: that passes.
                if error.message != told:
                    complain(error)
                told = error.message
            else:
                done |= {path: there[path] for path in ready}
                told = ""
        time.sleep(_EVERY_S)


def _reports(folders: Sequence[Path], db: str) -> list[Path]:
    found: dict[Path, None] = {}
    for folder in folders:
        # One without reports is waited for; what is removed while it is looked at was there a moment ago.
        with contextlib.suppress(ReportError, OSError):
            found.update(dict.fromkeys(find_reports([folder], db)))
    return list(found)


def _state(path: Path) -> State | None:
    """None where there is nothing any more, or nothing yet."""
    with contextlib.suppress(OSError):
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file.name, file.stat()) for file in files]
        if any(stat.st_size for _, stat in stats):
            return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)
    return None


def _has_settled(state: State) -> bool:
    return time.time() - max(changed for _, _, changed, _ in state) / 1e9 > _SETTLED_S
