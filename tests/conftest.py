"""Fixtures of the whole suite: the shipped reports, and one database that holds all of them."""

from __future__ import annotations

import atexit
import lzma
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import decoded
import kept
import pytest
from hypothesis import settings
from shipped import EXPORTS, NCU_REPORTS, REPORTS, TABLES

import traceql
from traceql import report
from traceql.read import runs, worker
from traceql.read.source import plain_name
from traceql.store import decode, ingest, sharing
from traceql.store.decode import decode_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from traceql import Database

# Whose point is the decoding itself.
_DECODE_EACH_TIME = ("read", "robust")
# Whose point is a database that several use, or that something happens to.
_WITH_ALL_THREADS = ("store", "robust", "cli")
_CONFIG = sharing.CONFIG

# The same examples each time; they are cheap, unless a test says less of them.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("suite")

# What traceql keeps for the next time is none of the user's; it goes with the session.
_CACHE = tempfile.TemporaryDirectory(prefix="traceql-tests-")
atexit.register(_CACHE.cleanup)
os.environ["XDG_CACHE_HOME"] = _CACHE.name
# Nor how large his terminal is: it goes to the processes that tests start, too.
for _size in ("COLUMNS", "LINES"):
    os.environ.pop(_size, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture of the test: how it decodes, and how databases are opened.

    It decodes itself, or takes what another test has decoded. Where the point is none of the database's, one thread
    computes: of a few rows, several take longer.
    """
    room = item.path.parent.name
    decode.worker = worker if room in _DECODE_EACH_TIME else decoded.ONCE
    sharing.CONFIG = _CONFIG if room in _WITH_ALL_THREADS else {**_CONFIG, "threads": "1"}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with every shipped ncu report, nsys export and table; a trace's name is its file's name."""
    reports = [REPORTS / name for name in NCU_REPORTS + EXPORTS]
    tables = sorted(TABLES.glob("*.csv"))

    def fill(database: Database, _: Sequence[Path]) -> None:
        for file, made in decode_all(reports):
            if isinstance(made, Exception):
                raise made
            ingest.add(database._store, made, name=file.name)
            made.close()
        for table in tables:
            database.import_runs(runs.read(table))

    path = kept.database("corpus", fill, [*reports, *tables], tmp_path_factory.mktemp("corpus"))
    with traceql.open(path) as database:
        yield database


@pytest.fixture(scope="session")
def page_of() -> Callable[..., str]:
    """The page about shipped reports, made once for all who look at it.

    The database holds no others: among all of the corpus it takes twice as long to make.
    """

    @cache
    def page(*traces: str) -> str:
        return kept.of_run(f"page about {traces}", lambda: made(traces))

    def made(traces: Sequence[str]) -> str:
        with traceql.open(":memory:") as database:
            for trace in traces:
                database.ingest(REPORTS / trace, name=trace)
            return report.of_traces(database._asker, traces)

    return page


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpack a shipped report once and return where it lies."""
    folder = tmp_path_factory.mktemp("reports")

    def unpack(name: str) -> Path:
        target = folder / plain_name(name)
        if not target.exists():
            with lzma.open(REPORTS / name) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        return target

    return unpack


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file of one small profile, for all tests to read."""
    path = tmp_path_factory.mktemp("small") / "original.duckdb"
    with traceql.open(path) as database:
        database.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", name="run")
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    """A copy of `original`, for one test to change."""
    copy = tmp_path / "db"
    copy.write_bytes(original.read_bytes())
    return copy


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An empty database in a file of its own."""
    with traceql.open(tmp_path / "traces.duckdb") as database:
        yield database
