"""Databases of shipped reports, made once and kept between runs of the tests.

What is kept is named after a hash of all that makes it: the code that reads and stores reports, the versions of what
it stands on, the reports and their sidecars, and the function that fills the database. Whatever changes, another one is
made.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import platform
import shutil
import sqlite3
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import traceql
from traceql.read import sidecar
from traceql.read.source import plain_name
from traceql.store import ingest
from traceql.store.decode import decode_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from traceql import Database

    Fill = Callable[[Database, Sequence[Path]], None]

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "traceql-tests"
#: What `traceql.store` is allowed to import, beside the questions whose views a database holds.
CODE = (
    *(ROOT / "traceql" / room for room in ("errors.py", "declared.py", "database.py")),
    *(ROOT / "traceql" / room for room in ("read", "tables", "questions", "predict", "store")),
    ROOT / "queries",
    ROOT / "verticals",
    ROOT / "tests" / "made",
)
PACKAGES = ("duckdb", "pyarrow", "numpy", "msgspec")
# A few branches' worth.
_KEPT = 8
# Longer than making any of it takes.
_WAIT_S = 900


def store_all(database: Database, reports: Sequence[Path]) -> None:
    """Decode reports side by side and store them in the given order, each under its default name."""
    for _, decoded in decode_all(list(reports)):
        if isinstance(decoded, Exception):
            raise decoded
        ingest.add(database._store, decoded)
        decoded.close()


def database(name: str, fill: Fill, reports: Sequence[Path], folder: Path) -> Path:
    """A database file of one's own in the folder, filled as `fill` does it.

    Args:
        name: of the file.
        fill: stores the reports in an empty database; what else it depends on stands in its own file.
        reports: files and folders that it reads.
        folder: where the file is to lie.
    """
    target = folder / f"{name}.duckdb"
    shutil.copyfile(_kept(name, fill, reports), target)
    return target


def of_run(name: str, make: Callable[[], str]) -> str:
    """A text that one of the processes of a run makes, for all of them."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return make()
    kept = FOLDER / f"{run}-{hashlib.sha256(name.encode()).hexdigest()[:32]}.txt"
    with _alone(kept.stem):
        if not kept.exists():
            kept.write_text(make(), encoding="utf-8", newline="")
    return kept.read_text(encoding="utf-8")


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Others who make what is called so wait until this is over; a lock of SQLite's ends with its process everywhere."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(FOLDER / f"{name}.lock", timeout=_WAIT_S, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _kept(name: str, fill: Fill, reports: Sequence[Path]) -> Path:
    key = hashlib.sha256()
    key.update(_of_code())
    beside = (sidecar.path_of(report.with_name(plain_name(report.name))) for report in reports)
    _add(key, [Path(inspect.getfile(fill)), *reports, *(path for path in beside if path.exists())])
    kept = FOLDER / f"{name}-{key.hexdigest()[:32]}.duckdb"
    with _alone(name):
        if kept.exists():
            with contextlib.suppress(OSError):
                os.utime(kept)
            return kept
        _forget(name)
        with tempfile.TemporaryDirectory(dir=FOLDER) as place:
            made = Path(place) / "made.duckdb"
            with traceql.open(made) as empty:
                fill(empty, reports)
            made.replace(kept)
    return kept


@cache
def _of_code() -> bytes:
    key = hashlib.sha256()
    versions = {name: metadata.version(name) for name in PACKAGES if _is_installed(name)}
    key.update(f"{traceql.__version__} {platform.python_version()} {platform.machine()} {versions}".encode())
    _add(key, CODE)
    return key.digest()


def _is_installed(name: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(name))
    return False


def _add(key: hashlib._Hash, paths: Iterable[Path]) -> None:
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.suffix != ".pyc":
                content = hashlib.sha256(file.read_bytes()).digest()
                key.update(f"{file.relative_to(path.parent)}\0".encode() + content)


def _forget(name: str) -> None:
    """Remove what no run has used for a while: of each name, all but the latest."""
    with contextlib.suppress(OSError):
        kept = sorted(FOLDER.glob(f"{name}-*.duckdb"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-_KEPT]:
            old.unlink(missing_ok=True)
