"""What ``traceql`` says alone: the next step for the folder it stands in.

Looks at the names in the folder and at the list of traces, and at nothing else. Whatever lies there, it ends
well.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from traceql import __version__
from traceql.cli.common import DEFAULT_DB, store
from traceql.errors import TraceqlError
from traceql.present.values import counted, cut
from traceql.read import formats
from traceql.read.source import plain_name
from traceql.store.lake.place import is_address

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

# Of a folder and of a database.
_MOST_ENTRIES: Final = 10_000
_SHOWN_TRACES: Final = 3
_LONGEST: Final = 60
_LONGEST_ERROR: Final = 70
# What nsys export calls its folders by default.
_EXPORTED = ("_pqtdir", "_arwdir")
_WIDTH: Final = 42


def lines() -> Iterator[str]:
    """The greeting, of 15 lines at most."""
    yield f"traceql {__version__} asks questions of NVIDIA Nsight Systems and Nsight Compute reports."
    db = os.environ.get("TRACEQL_DB") or DEFAULT_DB
    reports, more = _reports(Path())
    where = "here"
    if not reports and not more:
        reports, more = _below(Path())
        where = "in folders here"
    known = yield from _database(db)
    new = [name for name, _ in reports if known is None or plain_name(Path(name).name) not in known]
    if new:
        yield ""
        in_it = f" ({len(reports) - len(new):,} in {_short(db)}, by name)" if len(new) < len(reports) else ""
        yield f"Reports {where}: {_kinds(reports)}{' and more' if more else ''}{in_it}."
        one = len(new) == 1
        yield _step(
            f"ingest {_word(new[0]) if one else '.'}", f"reads {'it' if one else 'them'} into {_short(db)}"
        )
        yield _step(f"why {_word(new[0])}", "says at once what is wrong with one")
    elif not reports and known is None:
        yield ""
        yield f"Here are no reports, and no database ({_short(db)}). Reports come from elsewhere, or from:"
        yield _step("collect nsys -- COMMAND", "a timeline of what COMMAND does")
        yield _step("collect ncu -- COMMAND", "counters of its kernels")
        yield _step("doctor", "what this machine can read and record")
    yield ""
    yield _step("--help", "all commands")


def _database(db: str) -> Generator[str, None, set[str] | None]:
    """Say what the database holds; returns the file names of its traces, None where there is none."""
    if is_address(db):
        yield f"The database is {_short(db)}: traceql ls"
        return set()
    if not os.path.lexists(db):
        return None
    yield ""
    if not Path(db).is_file() and not Path(db).is_dir():
        # A pipe would be waited for.
        yield f"{_short(db)} cannot be used: it is no file."
        return set()
    try:
        with store(db) as opened:
            asked = "SELECT trace, profiler, gpu, file_name FROM traces ORDER BY trace_id"
            rows = opened.run(asked).to_pylist()
    except TraceqlError as error:
        yield f"{_short(db)} cannot be used: {cut(' '.join(error.message.split()), _LONGEST_ERROR)}"
        return set()
    if not rows:
        yield f"{_short(db)} holds no traces yet."
        return set()
    yield f"{_short(db)} holds {counted(len(rows), 'traces')}:"
    for row in rows[:_SHOWN_TRACES]:
        about = ", ".join(filter(None, (row["profiler"], row["gpu"])))
        yield f"  {_short(row['trace'])} ({_short(about)})"
    if len(rows) > _SHOWN_TRACES:
        yield f"  and {len(rows) - _SHOWN_TRACES:,} more: traceql ls"
    yield _step(f"why {_word(rows[-1]['trace'])}", "what is wrong with it, and what to try")
    yield _step("query --list", "what can be asked")
    return {row["file_name"] or "" for row in rows}


def _reports(folder: Path) -> tuple[list[tuple[str, str]], bool]:
    """What is called like a report: name and profiler; and whether not all was looked at."""
    found: list[tuple[str, str]] = []
    more = False
    # One that may not be looked into holds nothing for this user.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_ENTRIES):
            reader = formats.claimed(plain_name(entry.name))
            if reader is not None:
                found.append((entry.name, reader.kind))
            elif entry.name.endswith(_EXPORTED):
                found.append((entry.name, "nsys"))
        more = next(entries, None) is not None
    return sorted(found), more


def _below(folder: Path) -> tuple[list[tuple[str, str]], bool]:
    """The same of the folders in a folder, one level deep."""
    found: list[tuple[str, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_ENTRIES):
            if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
                continue
            reports, more = _reports(Path(entry.path))
            found += [(f"{entry.name}/{name}", kind) for name, kind in reports]
            if more or len(found) > _MOST_ENTRIES:
                return sorted(found), True
    return sorted(found), False


def _kinds(reports: Sequence[tuple[str, str]]) -> str:
    counts = Counter(kind for _, kind in reports)
    return ", ".join(f"{counts[kind]:,} of {_TOOLS[kind]}" for kind in sorted(counts))


_TOOLS = {"nsys": "Nsight Systems", "ncu": "Nsight Compute"}


def _step(words: str, what: str) -> str:
    return f"  {f'traceql {words}':<{_WIDTH}}  {what}"


def _word(name: str) -> str:
    """A name as a word of a command."""
    if len(name) > _LONGEST:
        return "NAME"
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def _short(name: str) -> str:
    return cut(name, _LONGEST)
