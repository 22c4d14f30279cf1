"""One file, many who use it: objects, threads, and processes that wait their turn."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from asked import given
from helpers_robust import ARROWDIR, PARQUETDIR, REPORTS

import traceql
from traceql.errors import DatabaseError, MissingDataError, QueryError, ReportError
from traceql.questions import catalog
from traceql.read import runs as tables_of_runs
from traceql.store import engine, ingest, runs, sharing
from traceql.store.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traceql import Database

NCU = REPORTS / "scv_baseline_vectorized.ncu-rep.xz"
SMALL = REPORTS / "esmm_a10g_2023.1.ncu-rep.xz"
TABLES = REPORTS.parent / "tables"
TRACES = "SELECT count(*) FROM traces"
# Far more than anything here takes: who waits longer waits for ever.
PATIENCE_S = 60


@pytest.fixture
def spills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where folders for spilling are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def can_be_written_by_others(path: Path) -> bool:
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE OR REPLACE TABLE t AS SELECT 1')"
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True).returncode == 0


@pytest.mark.long
def test_what_stays_open_until_the_end_is_closed_where_a_person_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.duckdb"
    with traceql.open(path) as database:
        database.ingest(SMALL)
    monkeypatch.setattr(sharing, "_staying", None)
    sharing.stay_open()
    with traceql.open(path) as database:
        assert database.sql(TRACES).rows() == [(1,)]
    assert not can_be_written_by_others(path)
    sharing.close_what_stays()
    assert can_be_written_by_others(path)


def test_an_engine_that_has_no_module_of_its_own_is_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_duckdb", None)
    spec = importlib.util.spec_from_file_location("another_engine", engine.__file__)
    assert spec is not None and spec.loader is not None
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)
    assert another.duckdb is duckdb
    assert another.duckdb.Error is engine.duckdb.Error


def all_at_once(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own; their errors, and who does not come back, are errors here."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not [thread for thread in threads if thread.is_alive()], "somebody waits for ever"
    if errors:
        raise errors[0]


@pytest.mark.long
def test_two_objects_on_one_file_ask_and_change_in_turn(path: Path) -> None:
    with traceql.open(path) as a, traceql.open(path) as b:
        for number in range(3):
            assert a.sql(TRACES).item() == b.sql(TRACES).item() == 1
            a.tag("run", turn=str(number))
            b.tag("run", other=str(number))
            tags = dict(a.sql("SELECT unnest(map_entries(tags), recursive := true) FROM traces").rows())
            assert tags == {"turn": str(number), "other": str(number)}
        b.ingest(SMALL)
        assert a.sql(TRACES).item() == 2


@pytest.mark.long
def test_eight_threads_ask_while_one_changes_and_see_before_or_after(path: Path) -> None:
    with traceql.open(path) as a, traceql.open(path) as b:
        done = threading.Event()
        seen: list[set[int]] = [set() for _ in range(8)]

        def ask(number: int) -> None:
            database = (a, b)[number % 2]
            while not done.is_set():
                counted = database.sql(f"SELECT ({TRACES}), (SELECT count(DISTINCT trace_id) FROM kernels)")
                traces, with_kernels = counted.row(0)
                assert traces == with_kernels
                seen[number].add(traces)
                assert database.query("top_kernels", limit=1).height >= 1

        def change() -> None:
            try:
                a.ingest(SMALL)
                b.ingest(PARQUETDIR)
            finally:
                done.set()

        all_at_once(*[lambda n=n: ask(n) for n in range(8)], change)
        assert set().union(*seen) <= {1, 2, 3}
        assert a.sql(TRACES).item() == b.sql(TRACES).item() == 3


@pytest.mark.long
def test_threads_that_make_the_first_change_at_once_make_one_database(tmp_path: Path) -> None:
    files = [tmp_path / f"sweep{number}.csv" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"gpu,batch_size,ms\nH200,{number + 1},5.0\n")
    for attempt in range(8):
        with traceql.open(tmp_path / f"{attempt}.duckdb") as db:
            begin = threading.Barrier(len(files))

            def bring_in(file: Path, db: traceql.Database = db, begin: threading.Barrier = begin) -> None:
                begin.wait()
                db.import_runs(file)

            all_at_once(*[lambda file=file: bring_in(file) for file in files])
            assert db.sql("SELECT count(DISTINCT sweep) FROM runs").item() == len(files)
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.long
def test_a_first_change_that_fails_disturbs_none_that_waits(tmp_path: Path) -> None:
    file = tmp_path / "sweep.csv"
    file.write_text("gpu,batch_size,ms\nH200,1,5.0\n")
    for attempt in range(8):
        with traceql.open(tmp_path / f"{attempt}.duckdb") as db:
            failing = threading.Event()

            def fail(db: traceql.Database = db, failing: threading.Event = failing) -> None:
                with pytest.raises(ReportError), db._store.writing("nothing"):
                    failing.set()
                    time.sleep(0.02)
                    raise ReportError("damaged")

            def bring_in(db: traceql.Database = db, failing: threading.Event = failing) -> None:
                failing.wait(PATIENCE_S)
                db.import_runs(file)

            all_at_once(fail, bring_in)
            assert db.sql("SELECT count(*) FROM runs").item() == 1


@pytest.mark.long
def test_a_change_gets_its_turn_however_many_ask(path: Path) -> None:
    """Without an order of who waits, eight threads that ask without a pause keep a change away."""
    with traceql.open(path) as database:
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                database.sql("SELECT sum(i) FROM range(200_000) AS t(i)")

        def change() -> None:
            try:
                for number in range(5):
                    database.tag("run", n=str(number))
            finally:
                done.set()

        all_at_once(*[ask] * 8, change)


@pytest.mark.long
def test_with_and_without_files_on_one_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n\n7\n")
    reading = f"SELECT n FROM '{tmp_path / 'in.csv'}'"
    with traceql.open(path) as confined, traceql.open(path, allow_files=True) as free:

        def ask_confined() -> None:
            for _ in range(5):
                assert confined.sql(TRACES).item() == 1
                with pytest.raises(QueryError, match="disabled"):
                    confined.sql(reading)

        def ask_free() -> None:
            for _ in range(5):
                assert free.sql(reading).item() == 7

        ask_confined()
        ask_free()
        all_at_once(ask_confined, ask_free, ask_confined, ask_free)


def test_files_are_allowed_in_memory_too_after_a_change(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n\n7\n")
    with traceql.open(":memory:", allow_files=True) as database:
        database.ingest(SMALL)
        assert database.sql(f"SELECT n FROM '{tmp_path / 'in.csv'}'").item() == 7


@pytest.mark.long
def test_two_changes_of_a_database_in_memory_are_one_after_the_other() -> None:
    with traceql.open(":memory:") as database:
        all_at_once(*(lambda r=r: database.ingest(r) for r in (NCU, SMALL, PARQUETDIR, ARROWDIR)))
        assert database.sql("SELECT count(*), count(DISTINCT trace_id) FROM traces").row(0) == (4, 4)


@pytest.mark.parametrize("timeout_s", [None, 60.0])
def test_a_question_within_a_change_of_the_same_thread_is_refused_at_once(
    path: Path, timeout_s: float | None
) -> None:
    # With a time limit another thread asks on its behalf.
    with traceql.open(path, timeout_s=timeout_s) as database:
        with database._store.writing("a test") as connection:
            assert connection.execute(TRACES).fetchone() == (1,)
            with pytest.raises(DatabaseError, match="this thread changes the database already") as refused:
                database.sql(TRACES)
            assert "connection of the change" in refused.value.remedy
            with pytest.raises(DatabaseError, match="would wait for itself"):
                database.tag("run", a="b")
        assert database.sql(TRACES).item() == 1
        database.tag("run", a="b")


def test_a_change_within_a_question_of_the_same_thread_is_refused_at_once(path: Path) -> None:
    with traceql.open(path) as database:
        with database._store._used("read"), pytest.raises(DatabaseError, match="this thread is asking"):
            database.tag("run", a="b")
        database.tag("run", a="b")


def test_a_database_in_memory_is_changed_once_at_a_time_by_a_thread() -> None:
    with traceql.open(":memory:") as database:
        with database._store.writing("a test"):
            assert database.sql(TRACES).item() == 0
            with pytest.raises(DatabaseError, match="this thread changes the database already"):
                database.ingest(SMALL)
        database.ingest(SMALL)
        assert database.sql(TRACES).item() == 1


def test_temporary_tables_are_of_the_thread_that_made_them(path: Path) -> None:
    with traceql.open(path) as database:
        both = threading.Barrier(2, timeout=PATIENCE_S)

        def make(number: int) -> None:
            database.sql(f"CREATE TEMP TABLE own AS SELECT {number} AS n")
            both.wait()
            assert database.sql("FROM own").item() == number

        all_at_once(lambda: make(1), lambda: make(2))
        with pytest.raises(QueryError, match="own does not exist"):
            database.sql("FROM own")


@pytest.mark.long
def test_to_close_one_object_disturbs_no_other(path: Path) -> None:
    a, b = traceql.open(path), traceql.open(path)
    a.sql("CREATE TEMP TABLE own AS SELECT 1 AS n")
    assert b.sql(TRACES).item() == 1
    b.close()
    assert a.sql("FROM own").item() == 1
    assert not can_be_written_by_others(path)
    a.close()
    assert can_be_written_by_others(path)
    assert a.sql(TRACES).item() == b.sql(TRACES).item() == 1
    a.close()
    b.close()
    assert can_be_written_by_others(path)


def test_to_close_one_object_waits_for_no_question_of_another(path: Path) -> None:
    with traceql.open(path) as a, traceql.open(path) as b:
        b.sql(TRACES)
        began = threading.Event()
        closed = threading.Event()

        def ask() -> None:
            with a._store._used("read"):
                began.set()
                assert closed.wait(PATIENCE_S)

        def close() -> None:
            assert began.wait(PATIENCE_S)
            b.close()
            closed.set()

        all_at_once(ask, close)


@pytest.mark.long
def test_an_object_that_is_forgotten_lets_go_of_its_file(path: Path, spills: Path) -> None:
    def ask() -> None:
        assert traceql.open(path).sql(TRACES).item() == 1

    ask()
    gc.collect()
    assert can_be_written_by_others(path)
    assert list(spills.iterdir()) == []


@pytest.mark.long
def test_a_closed_object_does_not_hold_the_file_that_a_forgotten_one_had(path: Path) -> None:
    closed = traceql.open(path)
    closed.sql(TRACES)

    def ask() -> None:
        other = traceql.open(path)
        other.sql(TRACES)
        closed.close()
        other.sql(TRACES)

    ask()
    gc.collect()
    assert can_be_written_by_others(path)
    assert closed.sql(TRACES).item() == 1


@pytest.mark.long
def test_after_a_change_other_processes_have_their_turn(path: Path) -> None:
    database = traceql.open(path)
    database.tag("run", a="b")
    assert can_be_written_by_others(path)
    assert database.sql("SELECT count(*) FROM t").item() == 1


@pytest.mark.long
def test_no_folder_for_spilling_is_left(path: Path, tmp_path: Path, spills: Path) -> None:
    with traceql.open(path) as a, traceql.open(path, allow_files=True) as b, traceql.open(":memory:") as c:
        for database in (a, b, c):
            database.sql(TRACES)
        a.tag("run", a="b")
        with traceql.open(tmp_path / "new") as d:
            d.ingest(SMALL)
        with pytest.raises(QueryError):
            a.sql("FROM nothing")
        (tmp_path / "no database").write_text("SQLite it is not")
        with pytest.raises(DatabaseError):
            traceql.open(tmp_path / "no database").sql(TRACES)
        assert len(list(spills.iterdir())) <= 3
    assert list(spills.iterdir()) == []


def test_an_object_keeps_to_its_file_when_the_folder_changes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with traceql.open(path.name) as database:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert database.sql(TRACES).item() == 1
        database.tag("run", a="b")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_database_that_is_gone_is_not_made_by_a_question_or_a_change(path: Path) -> None:
    with traceql.open(path) as database:
        assert database.sql(TRACES).item() == 1
        database.close()
        path.unlink()
        with pytest.raises(DatabaseError, match="no such database"):
            database.sql(TRACES)
        with pytest.raises(DatabaseError, match="no such database"):
            database.tag("run", a="b")
    assert not path.exists()


@pytest.mark.long
def test_a_lazy_frame_is_collected_in_a_loop_that_changes_the_database(path: Path) -> None:
    with traceql.open(path) as database:
        frame = database.kernels().filter(pl.col("duration_ns") > 0)

        def loop() -> None:
            seen = []
            for report in (SMALL, PARQUETDIR):
                seen.append(frame.collect().height)
                database.ingest(report)
                seen.append(frame.select("kernel_id").collect(engine="streaming").height)
            assert seen == sorted(seen)
            assert seen[0] < seen[-1]

        all_at_once(loop)


@pytest.mark.long
def test_a_change_inside_the_rows_of_a_question_waits_for_nobody(path: Path) -> None:
    with traceql.open(path) as database:

        def loop() -> None:
            for number, row in enumerate(database.sql("SELECT kernel_id FROM kernels LIMIT 3").iter_rows()):
                database.tag("run", **{f"k{number}": str(row[0])})
            assert database.sql("SELECT cardinality(tags) FROM traces").item() == 3

        all_at_once(loop)


@pytest.mark.long
def test_an_error_of_one_thread_leaves_nobody_waiting(path: Path) -> None:
    with traceql.open(path) as database:

        def fail() -> None:
            for _ in range(3):
                with pytest.raises(QueryError):
                    database.sql("FROM nothing")
                with pytest.raises(QueryError):
                    database.tag("nobody", a="b")

        all_at_once(fail, fail, fail)
        database.tag("run", a="b")


# --- two databases become one ---------------------------------------------------------------------------

_FILL = """
import sys
from pathlib import Path
import traceql
from traceql.read import runs as tables_of_runs
from traceql.store import decode, ingest, runs
path, number, table, *reports = sys.argv[1:]
with traceql.open(path) as database:
    for offset, report in enumerate(reports):
        decoded = decode.decode(Path(report))
        ingest.add(database._store, decoded, name=Path(report).name, number=int(number) + offset)
        decoded.close()
    runs.add(database._store, tables_of_runs.read(table), number=int(number) + 500)
"""
UNITED = {
    1: (TABLES / "decode_sweep.csv", REPORTS / "memory_and_ranges.sqlite.xz", NCU),
    1001: (
        TABLES / "prefill_sweep.csv",
        PARQUETDIR,
        REPORTS.parents[2] / "docs" / "results" / "data" / "small_specdec_ngram.nsys-rep.xz",
    ),
}


@pytest.fixture(scope="module")
def united(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Two databases that two processes filled at once, with numbers of their own, in one."""
    folder = tmp_path_factory.mktemp("united")
    filling = {
        number: subprocess.Popen(
            [sys.executable, "-c", _FILL, str(folder / f"db-{number}"), str(number), *map(str, paths)]
        )
        for number, paths in UNITED.items()
    }
    assert [process.wait(PATIENCE_S * 2) for process in filling.values()] == [0, 0]
    one, other = (folder / f"db-{number}" for number in UNITED)
    with contextlib.closing(duckdb.connect(str(one))) as connection:
        connection.execute(f"ATTACH '{other}' AS other (READ_ONLY)")
        for (table,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'other' AND table_name != 'traceql_meta'"
        ).fetchall():
            connection.execute(f"INSERT INTO main.{table} BY NAME FROM other.main.{table}")
    with traceql.open(one) as database:
        yield database


@pytest.mark.long
def test_no_id_of_united_databases_stands_twice(united: Database) -> None:
    assert united.sql(TRACES).item() == 4
    for table, key in {
        "traces": "trace_id",
        "kernels": "kernel_id",
        "api_calls": "api_call_id",
        "memory_ops": "memory_op_id",
        "nvtx_ranges": "range_id",
        "runs": "run_id",
    }.items():
        rows, keys = united.sql(f"SELECT count(*), count(DISTINCT {key}) FROM {table}").row(0)
        assert rows == keys > 1, table
    numbers = united.sql("SELECT DISTINCT run_id >> 32 AS n FROM runs ORDER BY n")["n"].to_list()
    # Those of a sidecar begin as its trace's.
    assert numbers == [501, 1002, 1501]


@pytest.mark.long
def test_every_question_answers_over_united_databases(united: Database, tmp_path: Path) -> None:
    """As over one database into which all of it was brought."""
    with traceql.open(tmp_path / "one") as single:
        for table, *reports in UNITED.values():
            for report in reports:
                single.ingest(report, name=report.name)
            single.import_runs(table)
        for name, query in catalog.shipped().queries.items():
            values = given(query, timeline=PARQUETDIR.name, baseline=NCU.name, variant=NCU.name)
            try:
                expected = single.ask(name, **values)
            except (MissingDataError, QueryError) as error:
                with pytest.raises(type(error)) as caught:
                    united.ask(name, **values)
                assert str(caught.value) == str(error), name
                continue
            found = united.ask(name, **values)
            assert len(found) == len(expected), name
            assert found.notes == expected.notes, name


@pytest.mark.long
def test_a_number_that_is_taken_or_that_no_id_can_begin_with_is_refused(path: Path) -> None:
    with traceql.open(path) as database:
        decoded = decode(SMALL)
        for number in (1, 0, -1, 2**31):
            with pytest.raises(DatabaseError, match="no ids can begin with the number"):
                ingest.add(database._store, decoded, number=number)
        ingest.add(database._store, decoded, number=2**31 - 1)
        decoded.close()
        assert database.sql("SELECT max(kernel_id) > 2::HUGEINT ** 62 FROM kernels").item()
        table = tables_of_runs.read(TABLES / "decode_sweep.csv")
        with pytest.raises(DatabaseError, match="no ids can begin"):
            runs.add(database._store, table, number=2**31)
        assert database.import_runs(table).status == "added"
