"""Two writers never destroy a file: they wait for each other, whatever names they know it by."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import writers
from command_line import traceql
from forks import Forks
from helpers_robust import PARQUETDIR, contents, decoded_here, let_end
from made.nsys import Recording

import traceql as library
from traceql.errors import CheckError, DatabaseError, QueryError, ReportError, TimeLimitError
from traceql.questions import catalog
from traceql.read import temporary
from traceql.store import decode, engine, held
from traceql.store.connection import Store
from traceql.store.definitions import Definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forks import Fork

#: Opens a database as any DuckDB client does, says so, and lets go of it when told.
_HOLDER = """
import duckdb, os, signal, sys
held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print(os.getpid(), flush=True)
signal.sigwait([signal.SIGUSR1])
held.close()
print("closed", flush=True)
signal.sigwait([signal.SIGUSR1])
"""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have imported everything."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A database of one trace, called run."""
    path = tmp_path / "db" / "traces.duckdb"
    path.parent.mkdir()
    with library.open(path) as database:
        Recording().range("step", 0, 10).store(database, "run")
    return path


def tags(path: Path) -> dict[str, str]:
    """The tags of the one trace, read by DuckDB alone."""
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as opened:
        ((found,),) = opened.execute("SELECT tags FROM traces").fetchall()
    assert isinstance(found, dict)
    return found


@contextlib.contextmanager
def holding(forks: Forks, path: Path, how: str = "write") -> Iterator[Fork]:
    """Another process has the file open, until it is sent SIGUSR1."""
    with forks.start(path, how, code=_HOLDER) as process:
        assert process.stdout.readline() == f"{process.pid}\n"
        yield process


def inode_is_locked(forks: Forks, path: Path) -> bool:
    """Whether another process is kept from writing."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
    with forks.start(path, code=code) as process:
        status = process.wait()
        return status != 0 and "Conflicting lock" in process.said()


# --- three writers --------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("made", [True, False], ids=["a database", "none yet"])
def test_two_writers_wait_for_a_slow_one_that_looks_at_the_file_in_every_way(
    made: bool, tmp_path: Path
) -> None:
    (tmp_path / "met").mkdir()
    with Forks(writers.SLOW, *writers.OTHERS) as forks:
        whole = writers.undisturbed(forks, tmp_path)
        outcome = writers.meet(forks, tmp_path / "met", whole, made=made, looks=True)
    assert outcome.good, outcome


# --- waiting --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_change_waits_says_once_for_whom_and_is_made(forks: Forks, db: Path) -> None:
    with holding(forks, db) as holder:
        timer = threading.Timer(0.8, holder.send_signal, [signal.SIGUSR1])
        timer.start()
        answer = traceql("tag", "run", "gpu=h200", "--db", db)
        timer.join()
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("waiting") == 1
    assert f"in use by another process (PID {holder.pid}); waiting up to 60 s" in answer.stderr
    assert tags(db) == {"gpu": "h200"}


@pytest.mark.long
def test_a_time_limit_that_a_lock_used_up_says_so(forks: Forks, db: Path) -> None:
    with holding(forks, db) as holder:
        answer = traceql("--timeout", "0.4", "ls", "--db", db)
        assert answer.returncode == 124
        assert "error: no answer within 0.4 s, of which 0." in answer.stderr
        assert f"{db} is in use by another process (PID {holder.pid})" in answer.stderr
        assert "Narrow" not in answer.stderr
    # Who had the database at once, and was slow, is told what helps against that.
    answer = traceql(
        "--timeout", "0.3", "sql", "--db", db, "SELECT count(*) FROM range(1000000) a, range(1000000) b"
    )
    assert answer.returncode == 124
    assert "Narrow" in answer.stderr
    assert "in use" not in answer.stderr
    let_end()


@pytest.mark.long
def test_a_time_limit_that_a_change_of_the_same_process_used_up_says_so(db: Path) -> None:
    begun, over = threading.Event(), threading.Event()
    with library.open(db, timeout_s=0.3) as database, library.open(db) as other:

        def change() -> None:
            with other._store.writing("something"):
                begun.set()
                over.wait(60)

        thread = threading.Thread(target=change)
        thread.start()
        assert begun.wait(60)
        with pytest.raises(TimeLimitError, match="in use by this process itself"):
            database.sql("FROM traces")
        over.set()
        thread.join()
        assert database.sql("FROM traces").height == 1
    let_end()


@pytest.mark.long
@pytest.mark.parametrize("how", ["write", "read"])
def test_after_its_time_a_change_is_an_error_and_the_database_as_it_was(
    how: str, forks: Forks, db: Path, tmp_path: Path
) -> None:
    report = Recording().range("other", 0, 10).export(tmp_path / "other.sqlite")
    (tmp_path / "sweep.csv").write_text("gpu,batch_size,ms\nH200,1,5.0\n")
    before = db.read_bytes()
    with holding(forks, db, how) as holder:
        for arguments in (
            ("ingest", report),
            ("drop", "run"),
            ("tag", "run", "a=b"),
            ("rename", "run", "walk"),
            ("import-runs", tmp_path / "sweep.csv"),
            ("drop-runs", "sweep"),
        ):
            answer = traceql(*arguments, "--db", db, "--wait", "0.05")
            assert answer.returncode == 1
            assert f"error: {db}: in use by another process (PID {holder.pid}), for 0.05 s" in answer.stderr
            assert "--wait" in answer.stderr
        # The variable says so, too; without patience nothing is said of waiting.
        environment = {**os.environ, "TRACEQL_WAIT": "0"}
        answer = traceql("tag", "run", "a=b", "--db", db, environment=environment)
        assert answer.returncode == 1
        assert f"in use by another process (PID {holder.pid})\n" in answer.stderr
        with library.open(db, wait_s=0) as database, pytest.raises(DatabaseError, match="in use by"):
            database.tag("run", a="b")
    assert db.read_bytes() == before
    assert list(db.parent.iterdir()) == [db]


@pytest.mark.long
def test_a_question_waits_for_a_writer_but_not_for_a_reader(forks: Forks, db: Path) -> None:
    with holding(forks, db, "read"):
        assert traceql("ls", "--db", db, "--wait", "0").returncode == 0
    with holding(forks, db) as holder:
        refused = traceql("ls", "--db", db, "--wait", "0.05")
        assert refused.returncode == 1
        assert "in use by another process" in refused.stderr
        timer = threading.Timer(0.2, holder.send_signal, [signal.SIGUSR1])
        timer.start()
        answer = traceql("ls", "--db", db)
        timer.join()
    assert answer.returncode == 0
    # So short a wait is not worth a word.
    assert answer.stderr == ""


@pytest.mark.long
def test_a_library_call_says_on_standard_error_that_it_waits(
    forks: Forks, db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with holding(forks, db) as holder, library.open(db, wait_s=0.6) as database:
        for _ in range(2):
            with pytest.raises(DatabaseError, match=rf"PID {holder.pid}\), for 0.6 s"):
                database.tag("run", a="b")
    (said,) = caplog.messages
    assert said == f"{db}: in use by another process (PID {holder.pid}); waiting up to 0.6 s for it"


@pytest.mark.long
def test_while_a_change_waits_questions_of_the_same_process_are_answered(forks: Forks, db: Path) -> None:
    with holding(forks, db, "read") as holder, library.open(db) as database:
        changing = threading.Thread(target=database.tag, args=("run",), kwargs={"a": "b"})
        changing.start()
        began = time.monotonic()
        for _ in range(5):
            assert database.sql("SELECT trace FROM traces").item() == "run"
        assert changing.is_alive()
        assert time.monotonic() - began < 10
        holder.send_signal(signal.SIGUSR1)
        changing.join(60)
        assert not changing.is_alive()
    assert tags(db) == {"a": "b"}


def test_an_interrupt_ends_a_wait_at_once(forks: Forks, db: Path) -> None:
    before = db.read_bytes()
    with holding(forks, db), forks.start("tag", "run", "a=b", "--db", db) as waiting:
        # It has said that it waits.
        assert "waiting up to 60 s" in waiting.stderr.readline()
        began = time.monotonic()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait() == 130
        assert time.monotonic() - began < 5
        assert "Interrupted." in waiting.said()
    assert db.read_bytes() == before


@pytest.mark.long
def test_completion_waits_for_nobody(forks: Forks, db: Path) -> None:
    words = {
        "COMP_WORDS": f"traceql drop --db {db} ",
        "COMP_CWORD": "4",
        "_TRACEQL_COMPLETE": "bash_complete",
    }
    command = [sys.executable, "-m", "traceql"]
    with holding(forks, db):
        began = time.monotonic()
        completed = subprocess.run(
            command, env={**os.environ, **words}, capture_output=True, text=True, timeout=50, check=False
        )
        assert time.monotonic() - began < 30
    assert (completed.stdout.strip(), completed.stderr) == ("", "")


# --- one file, many names -------------------------------------------------------------------------------


def names_of(db: Path) -> dict[str, Path]:
    """Other names of a database."""
    hard, soft = db.parent / "hard.db", db.parent / "soft.db"
    os.link(db, hard)
    soft.symlink_to(db)
    return {"hard": hard, "soft": soft, "relative": Path(os.path.relpath(db)), "itself": db}


@pytest.mark.long
def test_a_lock_outlives_every_look_at_the_file_under_every_name(
    forks: Forks, db: Path, tmp_path: Path
) -> None:
    names = names_of(db)
    with db.open("rb") as file:
        names["descriptor"] = Path(f"/proc/self/fd/{file.fileno()}")
        with library.open(db) as database:
            database.sql("SELECT 1")
            for label, name in names.items():
                with pytest.raises(ReportError, match="DuckDB database"):
                    database.ingest(name)
                with pytest.raises(ReportError, match="DuckDB database"):
                    database.import_runs(name)
                with pytest.raises(ReportError, match="no report, but the database"):
                    decode.find_reports([name], db)
                with pytest.raises(QueryError, match="not a saved comparison"):
                    library.ask.compare.load(name)
                with pytest.raises(CheckError, match="not a file of checks"):
                    database.check(name)
                assert held.is_database(name), label
                with library.open(name) as other:
                    assert other.sql("SELECT trace FROM traces").item() == "run"
            answer = traceql("sql", "SELECT 1", "--db", db, "-f", "csv", "-o", names["hard"])
            assert "not overwritten" in answer.stderr
            assert inode_is_locked(forks, db)
    assert not inode_is_locked(forks, db)


@pytest.mark.long
def test_what_is_brought_in_by_other_names_is_in_one_file(db: Path) -> None:
    names = names_of(db)
    with contextlib.ExitStack() as stack:
        opened = {label: stack.enter_context(library.open(name)) for label, name in names.items()}
        for database in opened.values():
            assert database.sql("SELECT trace FROM traces").item() == "run"
        for label, database in opened.items():
            database.tag("run", **{label: "yes"})
    assert tags(db) == dict.fromkeys(names, "yes")
    assert not list(db.parent.glob("*.wal"))


@pytest.mark.long
@decoded_here
def test_an_export_in_whose_folder_the_database_lies_is_the_same_report_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for part in PARQUETDIR.iterdir():
        (folder / part.name).write_bytes(part.read_bytes())
    first = traceql("ingest", ".", folder=folder)
    assert ": added" in first.stderr
    (folder / "traces.duckdb.wal").touch()
    assert "in the database already" in traceql("ingest", ".", folder=folder).stderr
    (folder / "traces.duckdb.wal").unlink(missing_ok=True)
    with library.open(folder / "traces.duckdb") as database:
        database.sql("SELECT 1")
        assert database.ingest(folder).status == "unchanged"
    os.link(folder / "traces.duckdb", folder / "NVTX_EVENTS.more.parquet")
    with pytest.raises(ReportError, match=r"NVTX_EVENTS\.more\.parquet: this is a DuckDB database"):
        decode.decode(folder)


# --- what killed processes leave ------------------------------------------------------------------------

#: Makes a database beside its place, says so, and is killed when told, or goes on.
_MAKER = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
from traceql import Database
db = Database(sys.argv[1])
db._store.prepare()
print(db._store._prepared, flush=True)
if signal.sigwait([signal.SIGUSR1, signal.SIGUSR2]) == signal.SIGUSR2:
    os.kill(os.getpid(), signal.SIGKILL)
db.import_runs(sys.argv[2])
"""


def beside(folder: Path) -> set[str]:
    """Databases that are being made."""
    return {path.name for path in folder.glob("*.new*")}


@pytest.mark.long
def test_what_a_killed_maker_left_goes_with_the_next_change_and_what_is_being_made_stays(
    forks: Forks, tmp_path: Path
) -> None:
    db, runs = tmp_path / "traces.duckdb", tmp_path / "sweep.csv"
    runs.write_text("gpu,batch_size,ms\nH200,1,5.0\n")
    others = {
        # Of another machine or container, of a process that lives, of another database, and called almost like that.
        f"traces.duckdb.{'0' * 8}-999999-1-{'0' * 8}.new",
        f"traces.duckdb.{temporary.mine()}-{'0' * 8}.new",
        f"tracesxduckdb.{temporary._machine()}-999999-1-{'0' * 8}.new",
        "traces.duckdb.new",
    }
    with forks.start(db, runs, code=_MAKER) as killed, forks.start(db, runs, code=_MAKER) as goes_on:
        left, kept = (Path(one.stdout.readline().strip()) for one in (killed, goes_on))
        assert left.parent == kept.parent == tmp_path
        killed.send_signal(signal.SIGUSR2)
        assert killed.wait() == -signal.SIGKILL
        Path(f"{left}.wal").touch()
        for name in others:
            (tmp_path / name).touch()
        assert beside(tmp_path) == {left.name, f"{left.name}.wal", kept.name, *others}
        temporary.sweep_files.cache_clear()
        with library.open(db) as database:
            database.import_runs(runs)
        assert beside(tmp_path) == {kept.name, *others}
        goes_on.send_signal(signal.SIGUSR1)
        assert goes_on.wait() == 0
    assert beside(tmp_path) == others
    with library.open(db) as database:
        assert database.sql("SELECT count(DISTINCT sweep) FROM runs").item() == 1


@pytest.mark.long
def test_makers_that_are_killed_and_makers_that_go_on_disturb_nobody(forks: Forks, tmp_path: Path) -> None:
    rng = random.Random(14)
    for attempt in range(6):
        db = tmp_path / f"{attempt}.duckdb"
        sweeps = [tmp_path / f"sweep{number}.csv" for number in range(4)]
        for number, sweep in enumerate(sweeps):
            sweep.write_text(f"gpu,batch_size,ms\nH200,{number},5.0\n")
        with contextlib.ExitStack() as stack:
            makers = [stack.enter_context(forks.start(db, sweep, code=_MAKER)) for sweep in sweeps]
            for maker in makers:
                assert maker.stdout.readline().strip().endswith(".new")
            ends = [signal.SIGUSR2, signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR1]
            rng.shuffle(ends)
            for maker, end in zip(makers, ends, strict=True):
                maker.send_signal(end)
            assert sorted(maker.wait() for maker in makers) == [-signal.SIGKILL, -signal.SIGKILL, 0, 0]
        with library.open(db) as database:
            assert database.sql("SELECT count(DISTINCT sweep) FROM runs").item() == 2
            temporary.sweep_files.cache_clear()
            database.import_runs(sweeps[0])
        assert not beside(tmp_path)


# --- the database among the reports ---------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["traces.duckdb", "traces.db", "traces.sqlite", "reports"])
def test_the_database_and_what_lies_beside_it_and_beside_reports_are_passed_over_in_silence(
    name: str, tmp_path: Path
) -> None:
    Recording().range("step", 0, 10).export(tmp_path / "run.sqlite")
    assert traceql("ingest", "-q", "run.sqlite", "--db", name, folder=tmp_path).returncode == 0
    (tmp_path / "hard.db").hardlink_to(tmp_path / name)
    beside = [
        *(
            f"{name}{suffix}"
            for suffix in (".wal", ".wal.recovery", ".tmp", f".0123abcd-7-8-{'0af3' * 2}.new")
        ),
        *("run.sqlite-journal", "run.sqlite-wal", "run.sqlite.run.json"),
    ]
    for other in beside:
        (tmp_path / other).touch()
    (tmp_path / f"{name}.compact").mkdir()
    everything = sorted(path.name for path in tmp_path.iterdir())
    # DuckDB removes a log in which there is nothing.
    (tmp_path / f"{name}.wal").unlink()
    before = contents(tmp_path / name)
    for paths in (["."], everything, ["*"]):
        (tmp_path / f"{name}.wal").touch()
        answer = traceql("ingest", *paths, "--db", name, folder=tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert "in the database already" in answer.stderr
        assert "error" not in answer.stderr
        assert answer.stderr.count("\n") <= 2
    assert contents(tmp_path / name) == before


def test_what_is_only_called_like_the_database_is_a_report(tmp_path: Path) -> None:
    for stem in ("traces", "traces.2", "traces-journal"):
        Recording().range(stem, 0, 10).export(tmp_path / f"{stem}.sqlite")
    assert [p.name for p in decode.find_reports([tmp_path], tmp_path / "traces")] == [
        "traces-journal.sqlite",
        "traces.2.sqlite",
        "traces.sqlite",
    ]
    # A sidecar without its report is what the user takes for a report.
    alone = tmp_path / "gone.ncu-rep.run.json"
    alone.touch()
    assert decode.find_reports([alone], tmp_path / "traces") == [alone]


def test_to_name_nothing_but_the_database_is_an_error_that_leaves_it_alone(db: Path) -> None:
    before = db.read_bytes()
    for path in (db, "*"):
        answer = traceql("ingest", path, "--db", db, folder=db.parent)
        assert answer.returncode == 1
        assert "no report, but the database" in answer.stderr
    assert db.read_bytes() == before


def test_a_report_given_as_the_database_stays_as_it_is(tmp_path: Path) -> None:
    report = Recording().range("step", 0, 10).export(tmp_path / "run.sqlite")
    other = Recording().range("other", 0, 10).export(tmp_path / "other.sqlite")
    before = report.read_bytes()
    for brought in (report, other):
        answer = traceql("ingest", brought, "--db", report)
        assert answer.returncode == 1
        assert "error" in answer.stderr
        assert "Traceback" not in answer.stderr
    assert report.read_bytes() == before


# --- another file in its place --------------------------------------------------------------------------


def swapped(db: Path, new: Path) -> str:
    """A program that puts another file in place of the database while it has it open, as who rewrites one does."""
    return (
        "import duckdb, os, sys\n"
        f"held = duckdb.connect({str(db)!r})\n"
        "print('open', flush=True); sys.stdin.readline()\n"
        f"os.replace({str(new)!r}, {str(db)!r}); held.close()\n"
    )


@pytest.mark.long
def test_who_waits_for_a_file_that_is_replaced_meanwhile_changes_the_new_one(db: Path) -> None:
    new = db.parent / "new"
    new.write_bytes(db.read_bytes())
    with library.open(new) as database:
        database.tag("run", new="yes")
    command = [sys.executable, "-c", swapped(db, new)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        said: list[str] = []
        with library.Database(db, tell=said.append) as database:
            changing = threading.Thread(target=database.tag, args=("run",), kwargs={"a": "b"})
            changing.start()
            while not said:
                assert changing.is_alive()
                time.sleep(0.01)
            other.communicate("\n")
            changing.join(60)
            assert not changing.is_alive()
    assert tags(db) == {"a": "b", "new": "yes"}


@pytest.mark.long
def test_a_file_replaced_in_the_moment_of_opening_is_opened_again(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = db.parent / "new"
    new.write_bytes(db.read_bytes())
    with library.open(new) as database:
        database.tag("run", new="yes")
    connect = engine.duckdb.connect

    def late(path: str, **how: object) -> duckdb.DuckDBPyConnection:
        opened = connect(path, **how)  # type: ignore[arg-type]
        if new.exists():
            new.replace(db)
        return opened

    monkeypatch.setattr(engine.duckdb, "connect", late)
    with library.open(db) as database:
        database.tag("run", a="b")
    assert tags(db) == {"a": "b", "new": "yes"}


def test_a_file_removed_in_the_moment_of_opening_is_not_left_as_an_empty_one(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = engine.duckdb.connect

    def late(path: str, **how: object) -> duckdb.DuckDBPyConnection:
        db.unlink(missing_ok=True)
        return connect(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.duckdb, "connect", late)
    with library.open(db) as database:
        for use in (lambda: database.tag("run", a="b"), lambda: database.sql("SELECT 1")):
            with pytest.raises(DatabaseError, match="no such database"):
                use()
    assert list(db.parent.iterdir()) == []


@pytest.mark.long
def test_a_question_sees_the_file_that_is_there_now(db: Path) -> None:
    other = db.parent / "other"
    other.write_bytes(db.read_bytes())
    with library.open(other) as database:
        database.rename("run", "walk")
    with library.open(db) as database:
        assert database.sql("SELECT trace FROM traces").item() == "run"
        other.replace(db)
        assert database.sql("SELECT trace FROM traces").item() == "walk"


# --- writers that died ----------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [b"", bytes(4096)], ids=["empty", "no header yet"])
def test_what_a_writer_left_that_died_while_it_made_the_file_is_waited_for_and_named(
    left: bytes, db: Path
) -> None:
    begun = db.parent / "begun"
    begun.write_bytes(left)
    with library.open(begun, wait_s=0.05) as database, pytest.raises(DatabaseError, match="which makes it"):
        database.tag("run", a="b")
    os.utime(begun, (0, 0))
    with library.open(begun) as database, pytest.raises(DatabaseError, match="empty file") as caught:
        database.tag("run", a="b")
    assert "remove it" in caught.value.remedy
    assert begun.read_bytes() == left


def test_a_half_written_header_is_a_damaged_database(db: Path) -> None:
    half = db.parent / "half"
    half.write_bytes(db.read_bytes()[:3000])
    with library.open(half) as database, pytest.raises(DatabaseError, match="damaged"):
        database.tag("run", a="b")
    assert half.stat().st_size == 3000


@pytest.mark.long
def test_without_second_names_a_new_database_is_never_put_over_another(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with library.open(tmp_path / "new") as database:
        Recording().range("step", 0, 10).store(database, "run")
    assert tags(tmp_path / "new") == {}
    late = Store(str(tmp_path / "late"), allow_files=False, definitions=Definitions(catalog.shipped()))
    late.prepare()
    # Another process is quicker.
    (tmp_path / "late").write_bytes(db.read_bytes())
    late._make()
    assert (tmp_path / "late").read_bytes() == db.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["db", "late", "new"]


# --- processes that fork --------------------------------------------------------------------------------

_FORKING = """
import os, sys, traceql
from traceql.errors import DatabaseError

db = traceql.open(sys.argv[1])
memory = traceql.open(":memory:")
memory._store.run("SELECT 1")
reads = lambda: db._store.run("SELECT trace FROM traces").num_rows == 1

def child(*uses):
    # It ends as Python ends, with all that runs then.
    if (pid := os.fork()) == 0:
        sys.exit(sum(not use() for use in uses))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(status, flush=True)

def refused(use):
    try:
        use()
    except DatabaseError as error:
        return "forked" in str(error)

assert reads()
child(lambda: refused(reads), lambda: refused(lambda: db.tag("run", a="b")),
      lambda: refused(lambda: memory._store.run("SELECT 1")),
      lambda: refused(lambda: traceql.open(sys.argv[1])._store.run("SELECT 1")))
# What was closed can be opened on either side.
db.tag("run", parent="1")
child(reads, lambda: db.tag("run", child="2") == ["run"], reads)
db.tag("run", parent="3")
with db._store.writing("something") as changing:
    changing.execute("UPDATE traces SET tags = map_concat(tags, map(['forked'], ['4']))")
    child()
print(reads(), flush=True)
"""


def test_a_forked_process_neither_shares_nor_disturbs_what_was_open(forks: Forks, db: Path) -> None:
    with forks.start(db, code=_FORKING) as process:
        said = process.stdout.read()
        assert (said.split(), process.wait()) == (["0", "0", "0", "True"], 0), process.said()
    assert tags(db) == {"parent": "3", "child": "2", "forked": "4"}


# --- many objects in many threads -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_objects_in_threads_lose_nothing_in_whatever_order_they_come(seed: int, db: Path) -> None:
    # What a failing test leaves open is its own.
    before = set(held._held)
    """Each thread changes, asks and lets go of the file by random names; it alone uses a tag."""
    names = list(names_of(db).values())
    expected: dict[str, str] = {}
    errors: list[BaseException] = []

    def work(own: str, rng: random.Random) -> None:
        objects = [library.open(rng.choice(names)) for _ in range(2)]
        value: str | None = None
        try:
            for step in range(8):
                database = rng.choice(objects)
                match rng.choice(("tag", "tag", "untag", "ask", "look", "close", "forget")):
                    case "tag":
                        value = str(step)
                        database.tag("run", **{own: value})
                    case "untag":
                        value = None
                        database.tag("run", **{own: None})
                    case "ask":
                        found = database.sql("SELECT tags[$own] FROM traces", {"own": own}).item()
                        assert found == value, (own, step)
                    case "look":
                        assert held.is_database(rng.choice(names))
                    case "close":
                        database.close()
                    case "forget":
                        objects[objects.index(database)] = library.open(rng.choice(names))
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        if value is not None:
            expected[own] = value
        for database in objects:
            database.close()

    threads = [
        threading.Thread(target=work, args=(own, random.Random(f"{seed}{own}")), daemon=True) for own in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "somebody waits for ever"
    assert not errors, errors
    assert tags(db) == expected
    assert not set(held._held) - before
