"""What is stored while it is decoded is what is stored afterwards; who decodes may still fail, or be overtaken."""

from __future__ import annotations

import contextlib
import errno
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
import helpers_robust
import pyarrow as pa
import pytest
from made.nsys import Recording
from systems import posix

import traceql
from traceql.errors import DatabaseError, ReportError
from traceql.questions import catalog
from traceql.read import worker
from traceql.store import decode, held, pieces, read_in, steps
from traceql.store.connection import Store
from traceql.store.definitions import Definitions
from traceql.store.waiting import OvertakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traceql.read.arriving import Arriving
    from traceql.read.base import RawReport
    from traceql.read.formats import Reader
    from traceql.store.outcomes import Ingested

REPORTS = ("scv_baseline_off.nsys-rep", "nccl_two_gpus.sqlite", "memory_and_ranges.sqlite")
CALLS = "CUPTI_ACTIVITY_KIND_RUNTIME"


def as_stream(rows: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue()


class Slow:
    """Decodes a report piece by piece: the last calls come when somebody has stored the first ones.

    Args:
        before_last: is called before the last calls come.
    """

    def __init__(self, before_last: Callable[[], None]) -> None:
        self.before_last = before_last
        self.stored = threading.Event()

    def decode(self, reader: Reader, path: Path, *, begun: Callable[[], None], **how: Any) -> RawReport:
        """As `worker.decode`."""
        arriving: Arriving = how.pop("arriving")
        report = worker.decode(reader, path, **how)
        begun()
        arriving.told(report.environment if report.named is None else report.named)
        tables = {name: table.select(table.column_names) for name, table in report.tables.items()}
        arriving.whole(how["wanted"].keys() - tables.keys())
        for name in sorted(tables, key=list(how["wanted"]).index):
            batches = tables[name].to_batches(max_chunksize=7)
            for number, rows in enumerate(batches, start=1):
                if name == CALLS and number == len(batches):
                    assert self.stored.wait(60), "nothing was stored while it came"
                    self.before_last()
                arriving.add(name, as_stream(rows))
            arriving.whole([name])
        return report


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Lets reports be decoded so."""

    def begin(before_last: Callable[[], None]) -> None:
        slow = Slow(before_last)
        as_they_come = pieces.as_they_come

        def seen(*given: Any) -> Iterator[pieces.Piece]:
            for piece in as_they_come(*given):
                yield piece
                slow.stored.set()

        monkeypatch.setattr(pieces, "as_they_come", seen)
        monkeypatch.setattr(decode, "worker", SimpleNamespace(decode=slow.decode, Stop=worker.Stop))
        monkeypatch.setattr(steps, "_LEAST_PIECES", 2)
        monkeypatch.setattr(steps, "_MOST_PIECES", 4)

    return begin


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return helpers_robust.plain(REPORTS[0], tmp_path)


def read(report: Path, database: Path, **options: Any) -> Ingested | ReportError:
    """Read a report into a database as the command does."""
    store = Store(str(database), definitions=Definitions(catalog.shipped()))
    try:
        ((_, became),) = read_in.read_all(lambda: store, [report], early=True, **options)
        return became
    finally:
        store.close()


def refuse_names(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """Let no file get a second name."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def traces(database: Path) -> list[str]:
    with contextlib.closing(duckdb.connect(str(database), read_only=True)) as opened:
        return [name for (name,) in opened.execute("SELECT trace FROM traces ORDER BY trace").fetchall()]


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_stored_while_it_comes_is_what_is_stored_at_once(
    name: str, slowly: Callable[..., None], tmp_path: Path
) -> None:
    report = helpers_robust.plain(name, tmp_path)
    with traceql.open(tmp_path / "whole.duckdb") as db:
        db.ingest(report)
    there: list[bool] = []
    slowly(lambda: there.append((tmp_path / "early.duckdb").exists()))
    became = read(report, tmp_path / "early.duckdb")
    assert not isinstance(became, ReportError)
    assert there == [False], "somebody could see a part of it"
    at_once = helpers_robust.contents(tmp_path / "whole.duckdb")
    assert at_once
    assert at_once["api_calls"]
    assert helpers_robust.contents(tmp_path / "early.duckdb") == at_once


def test_what_fails_at_last_leaves_nothing(slowly: Callable[..., None], report: Path, tmp_path: Path) -> None:
    def fail() -> None:
        raise ReportError("its end is missing", "Copy it again.")

    (tmp_path / "db").mkdir()
    slowly(fail)
    became = read(report, tmp_path / "db" / "early.duckdb")
    assert isinstance(became, ReportError)
    assert became.message == "its end is missing"
    assert list((tmp_path / "db").iterdir()) == []


def test_who_is_overtaken_stores_it_in_the_database_that_is_there_by_then(
    slowly: Callable[..., None], report: Path, tmp_path: Path
) -> None:
    database = tmp_path / "db" / "early.duckdb"
    database.parent.mkdir()

    def overtake() -> None:
        with traceql.open(database) as other:
            Recording().range("step", 0, 10).store(other, "faster")

    slowly(overtake)
    became = read(report, database)
    assert not isinstance(became, ReportError)
    assert became.status == "added"
    assert traces(database) == ["faster", report.stem]
    assert [path.name for path in database.parent.iterdir()] == ["early.duckdb"]


def test_a_database_that_is_there_is_locked_when_all_is_decoded(
    monkeypatch: pytest.MonkeyPatch, report: Path, tmp_path: Path
) -> None:
    database = tmp_path / "there.duckdb"
    with traceql.open(database) as db:
        Recording().range("step", 0, 10).store(db, "first")
    asked: list[list[str]] = []
    slow = Slow(lambda: asked.append(traces(database)))
    slow.stored.set()
    monkeypatch.setattr(decode, "worker", SimpleNamespace(decode=slow.decode, Stop=worker.Stop))
    became = read(report, database)
    assert not isinstance(became, ReportError)
    assert asked == [["first"]]
    assert traces(database) == ["first", report.stem]


def test_where_files_have_no_second_names_a_first_report_comes_in_all_the_same(
    monkeypatch: pytest.MonkeyPatch, report: Path, tmp_path: Path
) -> None:
    refuse_names(monkeypatch, PermissionError("no such thing here"))
    (tmp_path / "db").mkdir()
    assert not isinstance(read(report, tmp_path / "db" / "run.duckdb"), ReportError)
    assert traces(tmp_path / "db" / "run.duckdb") == [report.stem]
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["run.duckdb"]


def opened(database: Path) -> Store:
    return Store(str(database), definitions=Definitions(catalog.shipped()))


def test_two_changes_of_one_object_that_make_a_database_at_once_disturb_each_other_in_nothing(
    tmp_path: Path,
) -> None:
    database = tmp_path / "db" / "both.duckdb"
    database.parent.mkdir()
    store = opened(database)

    def faster() -> None:
        store.prepare()
        with store.writing("the faster one", aside=True) as connection:
            connection.execute("INSERT INTO traceql_meta VALUES (4, 'faster', '')")

    with pytest.raises(OvertakenError), store.writing("the slower one", aside=True):
        thread = threading.Thread(target=faster)
        thread.start()
        thread.join()
        # Lets go of what it prepared, and of nothing else.
        store.close()
    with contextlib.closing(duckdb.connect(str(database), read_only=True)) as found:
        assert found.execute("SELECT count(*) FROM traceql_meta").fetchall() == [(2,)]
    assert list(database.parent.iterdir()) == [database]


@posix("links that lead nowhere without leave")
def test_a_name_that_is_taken_by_what_is_no_file_is_an_error_and_nothing_is_done_again(
    tmp_path: Path,
) -> None:
    database = tmp_path / "db" / "run.duckdb"
    database.parent.mkdir()
    store = opened(database)
    database.symlink_to(tmp_path / "gone" / "run.duckdb")
    with pytest.raises(DatabaseError, match="File exists"), store.writing("a report", aside=True):
        pass
    assert [path.name for path in database.parent.iterdir()] == ["run.duckdb"]


def test_a_database_that_cannot_get_its_name_at_last_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = tmp_path / "run.duckdb"

    with pytest.raises(DatabaseError, match="could not be stored"), opened(database).writing("a", aside=True):
        refuse_names(monkeypatch, OSError(errno.EDQUOT, "quota"))
    assert list(tmp_path.iterdir()) == []


def test_what_stayed_in_a_log_is_not_given_away_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(held, "has_log", lambda _: True)
    with pytest.raises(DatabaseError, match="log"), opened(tmp_path / "run.duckdb").writing("a", aside=True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_one_when_something_is_in_it(tmp_path: Path) -> None:
    database = str(tmp_path / "run.duckdb")
    assert not held.has_log(database)
    Path(f"{database}.wal").touch()
    assert not held.has_log(database)
    Path(f"{database}.wal").write_bytes(b"rows")
    assert held.has_log(database)


@posix("permissions of files")
def test_an_environment_that_is_kept_is_for_the_owner_alone(report: Path, tmp_path: Path) -> None:
    database = tmp_path / "private.duckdb"
    became = read(report, database, keep_environment=True)
    assert not isinstance(became, ReportError)
    assert became.rows["environment"] > 0
    assert database.stat().st_mode & 0o077 == 0


def test_a_report_that_nobody_takes_is_let_go_of(report: Path, tmp_path: Path) -> None:
    found = decode.decode_all([report], early=True)
    ((_, coming),) = [next(found)]
    assert not isinstance(coming, ReportError)
    coming.close()
    found.close()
    with contextlib.suppress(ReportError):
        # Ended, or it was faster.
        assert coming.report.kind == "nsys"
    assert coming.is_whole
