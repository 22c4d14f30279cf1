"""A lake that somebody else changes just while something is done with it, and one whose disk fails."""

from __future__ import annotations

import itertools
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from made.nsys import Recording, kernel
from made.runs import Runs
from shipped import REPORTS

import traceql
from traceql.errors import DatabaseError, QueryError
from traceql.read import sidecar
from traceql.store import export, read_in
from traceql.store.lake import changes, folder, manifest, numbers, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql import Database

SMALL = REPORTS / "extrap_a100_2020.3.ncu-rep.xz"


def recording(work: int = 1) -> Recording:
    """So many kernels."""
    made = Recording().gpu(0, "NVIDIA H100 80GB HBM3")
    for number in range(work):
        made.call(
            "cudaLaunchKernel", 10 * number, 10 * number + 2, kernel("add", 10 * number + 3, 10 * number + 8)
        )
    return made


def filled(path: Path, *traces: str) -> Database:
    """A lake with a recording under each name."""
    lake = traceql.open(path, lake=True)
    for work, name in enumerate(traces, 1):
        recording(work).store(lake, name)
    return lake


def once_before(patch: pytest.MonkeyPatch, owner: Any, name: str, deed: Callable[[], object]) -> None:
    """Let something happen the first time just before a function does its work."""
    real, left = getattr(owner, name), [deed]

    def late(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **kwargs)

    patch.setattr(owner, name, late)


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks: changes are compared, and no more."""
    monkeypatch.setattr(folder, "_locked", lambda _: True)


# --- made again -----------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("change", "there"),
    [
        (lambda lake: lake.tag("one", y="2"), [("one", {"x": "1", "y": "2"})]),
        (lambda lake: lake.rename("one", "new"), [("new", {"x": "1"})]),
        (lambda lake: lake.drop("one"), []),
    ],
    ids=["tag", "rename", "drop"],
)
def test_a_change_that_is_overtaken_is_made_on_what_is_there_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Database], object], there: list[Any]
) -> None:
    lake = filled(tmp_path / "lake", "one")
    with traceql.open(tmp_path / "lake") as other:
        once_before(monkeypatch, changes, "_refuse_overtaken", lambda: other.tag("one", x="1"))
        change(lake)
    assert lake.sql("SELECT trace, tags FROM traces").rows() == there


@pytest.mark.long
@pytest.mark.usefixtures("no_locks")
def test_a_removal_of_runs_that_is_overtaken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))
    lake.import_runs(Runs({"ms": 2}).file("b"))
    with traceql.open(tmp_path / "lake") as other:
        once_before(monkeypatch, changes, "_refuse_overtaken", lambda: other.drop_runs("b"))
        with pytest.raises(QueryError, match="no sweep is called 'b'"):
            lake.drop_runs("a", "b")
    assert lake.sql("SELECT sweep FROM runs").rows() == [("a",)]


# --- swept meanwhile ------------------------------------------------------------------------------------


class Writer:
    """One that stores a report in a thread, and stops just before its entry is put in place.

    Args:
        lake: where.
        patch: undoes what stops it.
    """

    def __init__(self, lake: Path, patch: pytest.MonkeyPatch) -> None:
        self._written, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._store, args=(lake,))
        real = changes._entries

        def stopping(*args: Any) -> Any:
            entries = real(*args)
            if threading.current_thread() is self._thread:
                self._written.set()
                self._go.wait(30)
            return entries

        patch.setattr(changes, "_entries", stopping)

    def _store(self, lake: Path) -> None:
        with traceql.open(lake) as opened:
            recording(3).store(opened, "late")

    def write_parts(self) -> None:
        self._thread.start()
        assert self._written.wait(30)

    def finish(self) -> None:
        self._go.set()
        self._thread.join()


def kernels(lake: Path) -> list[tuple[str, int]]:
    """How many kernels the traces of a lake have, by a reader that knows nothing yet."""
    with traceql.open(lake) as opened:
        asked = "SELECT trace, count(*) FROM kernels JOIN traces USING (trace_id) GROUP BY ALL ORDER BY ALL"
        return opened.sql(asked).rows()


@pytest.mark.long
def test_who_claims_while_a_sweep_looks_keeps_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(tmp_path / "lake", "one")
    writer = Writer(tmp_path / "lake", monkeypatch)
    real, begun = numbers.claimed, []

    def claimed(place: Any) -> Any:
        found = real(place)
        if not begun:
            begun.append(True)
            writer.write_parts()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sweep.numbers, "claimed", claimed)
        lake.compact()
    writer.finish()
    assert kernels(tmp_path / "lake") == [("late", 3), ("one", 1)]


@pytest.mark.long
@pytest.mark.usefixtures("no_locks")
def test_who_finishes_while_a_sweep_looks_keeps_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(tmp_path / "lake", "one")
    writer = Writer(tmp_path / "lake", monkeypatch)
    writer.write_parts()
    real = manifest.read

    def read(place: Any, known: Any = None) -> Any:
        found = real(place, known)
        if known is None and not writer._go.is_set():
            writer.finish()
        return found

    monkeypatch.setattr(manifest, "read", read)
    lake.compact()
    assert kernels(tmp_path / "lake") == [("late", 3), ("one", 1)]


def test_parts_of_nobody_are_swept(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one")
    left = tmp_path / "lake" / "kernels" / "trace_id=9"
    left.mkdir()
    lake.compact()
    assert not left.exists() and not (tmp_path / "lake" / "numbers" / "traces-9").exists()


@pytest.mark.parametrize("place", [".", "traces"])
def test_half_written_files_of_another_machine_are_swept_when_a_day_old(tmp_path: Path, place: str) -> None:
    lake = filled(tmp_path / "lake", "one")
    half = tmp_path / "lake" / place / "lake.json.aa.00000000-1-1.new"
    half.write_bytes(b"")
    lake.compact()
    assert half.exists()
    os.utime(half, (1, 1))
    lake.compact()
    assert not half.exists()


@pytest.mark.long
def test_a_number_that_a_trace_has_had_is_not_given_even_to_who_asks_for_it(tmp_path: Path) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    read_in.read_in(lake._store, SMALL, number=5)
    lake.drop("extrap_a100_2020.3")
    recording().store(lake, "one")
    lake.compact()
    with pytest.raises(DatabaseError, match="number 5"):
        read_in.read_in(lake._store, SMALL, number=5)


@pytest.mark.long
def test_a_number_that_was_given_up_is_free_again(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one")
    with pytest.raises(DatabaseError, match="'one' already"):
        read_in.read_in(lake._store, SMALL, name="one", number=5)
    with pytest.raises(ZeroDivisionError), lake._store.writing("x"):
        assert lake._store.number("traces", {1}, 5) == 5
        raise ZeroDivisionError
    read_in.read_in(lake._store, SMALL, number=5)
    assert lake.sql("SELECT max(trace_id) FROM traces").item() == 5


# --- errors part way ------------------------------------------------------------------------------------


def failing(patch: pytest.MonkeyPatch, nth: int, times: int = 1) -> None:
    """Let the disk be full when entries are written for the nth time."""
    real, count = folder.Folder.write, itertools.count(1)

    def write(self: folder.Folder, path: str, content: bytes) -> None:
        if path.startswith(("traces/", "sweeps/")) and nth <= next(count) < nth + times:
            raise OSError(28, "No space left on device")
        real(self, path, content)

    patch.setattr(folder.Folder, "write", write)


@pytest.mark.long
def test_an_error_part_way_leaves_all_entries_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(tmp_path / "lake", "one", "two", "three")
    before = {file: file.read_bytes() for file in (tmp_path / "lake" / "traces").iterdir()}
    with monkeypatch.context() as patch:
        failing(patch, 2)
        with pytest.raises(DatabaseError, match="No space left"):
            lake.tag("*", a="b")
    assert {file: file.read_bytes() for file in (tmp_path / "lake" / "traces").iterdir()} == before
    with monkeypatch.context() as patch:
        failing(patch, 2, times=9)
        with pytest.raises(DatabaseError, match="a part of the change is made"):
            lake.tag("*", a="b")


@pytest.mark.long
def test_a_file_of_runs_that_cannot_replace_another_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))

    def remove(self: folder.Folder, path: str) -> None:
        if path.startswith("sweeps/") and path in old:
            raise OSError(5, "Input/output error")
        real(self, path)

    real, old = folder.Folder.remove, {f"sweeps/{f.name}" for f in (tmp_path / "lake" / "sweeps").iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(folder.Folder, "remove", remove)
        with pytest.raises(DatabaseError, match="Input/output error"):
            lake.import_runs(Runs({"ms": 2}).file("a"), replace=True)
    asked = "SELECT sweep, value FROM runs JOIN run_metrics USING (run_id)"
    assert lake.sql(asked).rows() == [("a", 1.0)]
    lake.import_runs(Runs({"ms": 2}).file("a"), replace=True)
    assert lake.sql(asked).rows() == [("a", 2.0)]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.long
def test_a_file_of_runs_whose_replacing_was_killed_is_replaced_by_doing_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))
    real = folder.Folder.write

    def killed(self: folder.Folder, path: str, content: bytes) -> None:
        real(self, path, content)
        if path.startswith("sweeps/"):
            # Nothing of what follows an error is done.
            for name in ("write", "remove"):
                patch.setattr(folder.Folder, name, dead)
            raise Killed

    def dead(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(folder.Folder, "write", killed)
        with pytest.raises(Killed):
            lake.import_runs(Runs({"ms": 2}).file("a"), replace=True)
    asked = "SELECT sweep, value FROM runs JOIN run_metrics USING (run_id) ORDER BY ALL"
    with traceql.open(tmp_path / "lake") as other:
        assert other.sql(asked).rows() == [("a", 1.0), ("a", 2.0)]
        other.import_runs(Runs({"ms": 2}).file("a"), replace=True)
        assert other.sql(asked).rows() == [("a", 2.0)]


@pytest.mark.long
def test_an_entry_in_place_is_a_change_made_whatever_fails_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.ingest(SMALL)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(numbers, "settle", full)
        assert lake.ingest(SMALL, replace=True).status == "replaced"
    assert lake.sql("SELECT DISTINCT trace_id FROM kernels").rows() == [(2,)]
    assert {part.name for part in (tmp_path / "lake").glob("*/trace_id=*")} == {"trace_id=2"}


def test_a_run_that_stands_in_two_entries_is_refused(tmp_path: Path) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))
    (entry,) = (tmp_path / "lake" / "sweeps").iterdir()
    entry.with_name(f"{'0' * 64}.json").write_bytes(entry.read_bytes())
    with pytest.raises(DatabaseError, match="hold one run"):
        lake.sql("FROM runs")


# --- copied meanwhile -----------------------------------------------------------------------------------


def after_table(patch: pytest.MonkeyPatch, table: str, deed: Callable[[], object]) -> None:
    """Let something happen the first time that a table has been copied."""
    real, left = export._insert, [deed]

    def insert(source: Any, connection: Any, change: Any, name: str, *args: Any) -> None:
        real(source, connection, change, name, *args)
        if name == table and left:
            left.pop()()

    patch.setattr(export, "_insert", insert)


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "deed", "said"),
    [
        ("kernels", lambda other: other.ingest(SMALL, replace=True), "'small' changed while it was copied"),
        ("kernels", lambda other: other.drop("small"), "'small' changed while it was copied"),
        ("kernels", lambda other: other.rename("small", "x"), "'small' changed while it was copied"),
        (
            "run_metrics",
            lambda other: other.import_runs(Runs({"ms": 2}).file("a"), replace=True),
            "the sweep 'a' changed while",
        ),
    ],
    ids=["replaced", "dropped", "renamed", "runs"],
)
def test_half_of_what_changes_while_it_is_copied_is_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, deed: Callable[[Database], object], said: str
) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.import_runs(Runs({"ms": 1}).file("a"))
    if table == "kernels":
        lake.ingest(SMALL, name="small")
    with traceql.open(tmp_path / "lake") as other:
        after_table(monkeypatch, table, lambda: deed(other))
        with pytest.raises(DatabaseError, match=said):
            lake.export(tmp_path / "copy.duckdb")
        assert not (tmp_path / "copy.duckdb").exists()
        other.export(tmp_path / "copy.duckdb")


@pytest.mark.long
def test_what_comes_while_a_lake_is_copied_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(tmp_path / "lake", "one")
    lake.import_runs(Runs({"ms": 1}).file("a"))
    with traceql.open(tmp_path / "lake") as other:

        def come() -> None:
            recording(2).store(other, "two")
            other.import_runs(Runs({"ms": 2}).file("b"))

        after_table(monkeypatch, "runs", come)
        lake.export(tmp_path / "copy.duckdb")
    with traceql.open(tmp_path / "copy.duckdb") as copy:
        assert copy.sql("SELECT trace FROM traces").rows() == [("one",)]
        # Each run with what it measured.
        assert copy.sql("SELECT count(*) FROM runs ANTI JOIN run_metrics USING (run_id)").item() == 0


@pytest.mark.long
@pytest.mark.usefixtures("no_locks")
def test_a_copy_into_a_lake_that_others_store_into_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = traceql.open(tmp_path / "file.duckdb"), traceql.open(tmp_path / "lake", lake=True)
    recording().store(file, "one")
    once_before(monkeypatch, changes, "_refuse_overtaken", lambda: recording(3).store(other, "one"))
    with pytest.raises(DatabaseError, match="somebody else has stored a trace called 'one'"):
        file.export(tmp_path / "lake", lake=True)
    assert kernels(tmp_path / "lake") == [("one", 3)]


# --- one name, twice ------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_next_change_gives_entries_of_one_name_names_of_their_own(tmp_path: Path) -> None:
    """As when two came in at once where no change can wait for another, each with runs in its sidecar."""
    lake = traceql.open(tmp_path / "lake", lake=True)
    for number, report in enumerate((SMALL, REPORTS / "kinds_basic.ncu-rep.xz"), 1):
        copy = tmp_path / f"{number}.ncu-rep.xz"
        copy.write_bytes(report.read_bytes())
        measured = {"metrics": [{"name": "latency_ms", "unit": "ms", "value": number}]}
        beside = {"format": sidecar.FORMAT, "version": sidecar.VERSION, "runs": [measured]}
        (tmp_path / f"{number}.ncu-rep.run.json").write_text(json.dumps(beside))
        assert lake.ingest(copy, name=f"name{number}").status == "added"
    for entry in (tmp_path / "lake" / "traces").iterdir():
        entry.write_text(entry.read_text().replace("name2", "name1"))
    asked = "SELECT tags['trace'], sweep, value FROM runs JOIN run_metrics USING (run_id) ORDER BY ALL"
    expected = [("name1", "name1.run.json", 1.0), ("name1-2", "name1-2.run.json", 2.0)]
    assert lake.sql(asked).rows() == expected
    assert lake.sql("SELECT trace FROM traces ORDER BY ALL").rows() == [("name1",), ("name1-2",)]
    lake.tag("name1", a="b")
    entries = [json.loads(entry.read_text()) for entry in (tmp_path / "lake" / "traces").iterdir()]
    assert sorted(entry["trace"]["trace"] for entry in entries) == ["name1", "name1-2"]
    assert lake.sql(asked).rows() == expected
    # The first one goes, and the second one keeps its name.
    lake.drop("name1")
    assert lake.sql("SELECT trace FROM traces").rows() == [("name1-2",)]
