"""A lake that is made for something that then cannot be stored is gone again; nothing else ever is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import traceql as command
from made.nsys import Recording, kernel
from made.runs import Runs

import traceql
from traceql.errors import DatabaseError, ParameterError, ReportError
from traceql.read import runs
from traceql.store.lake import folder, numbers
from traceql.store.waiting import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

BROKEN = runs.RunFile("csv", "t.csv", "0", (runs.Run({}, (runs.Metric("m", "", "text"),)),))  # type: ignore[arg-type]


def report(lake: Database, folder: Path) -> None:
    """Ingest what is no report."""
    (folder / "bad.nsys-rep").write_bytes(b"no report at all")
    with pytest.raises(ReportError):
        lake.ingest(folder / "bad.nsys-rep")


def tags(lake: Database, folder: Path) -> None:
    """Ingest with tags that are none."""
    with pytest.raises(ParameterError):
        lake.ingest(folder / "none.nsys-rep", tags={"a": None})  # type: ignore[dict-item]


def table(lake: Database, _: Path) -> None:
    """Import runs that cannot be stored."""
    with pytest.raises(DatabaseError, match="could not be stored"):
        lake.import_runs(BROKEN)


def environment(lake: Database, _: Path) -> None:
    """Fail when the folder is for its owner alone already, and a number is claimed."""
    with pytest.raises(ReportError), lake._store.writing("something"):
        lake._store.number("traces", set())
        lake._store.keep_to_owner()
        raise ReportError("a part of it cannot be")


FAILING = (report, tags, table, environment)


@pytest.mark.parametrize(
    ("path", "failing"),
    [
        *((path, one) for path in ("lake/", "a/b/lake/") for one in FAILING),
        ("file.duckdb", report),
        ("file.duckdb", tags),
    ],
)
def test_what_fails_first_leaves_nothing_behind(
    tmp_path: Path, path: str, failing: Callable[[Database, Path], None]
) -> None:
    given, place = tmp_path / "given", tmp_path / "place"
    given.mkdir()
    place.mkdir()
    database = traceql.open(f"{place}/{path}")
    failing(database, given)
    # As it is left by who does not close it.
    assert not list(place.iterdir())


@pytest.mark.parametrize("failing", FAILING)
def test_a_folder_that_was_there_stays_as_it_was(
    tmp_path: Path, failing: Callable[[Database, Path], None]
) -> None:
    (tmp_path / "lake").mkdir(mode=0o755)
    before = (tmp_path / "lake").stat().st_mode
    failing(traceql.open(tmp_path / "lake"), tmp_path)
    assert not list((tmp_path / "lake").iterdir())
    assert stat.S_IMODE((tmp_path / "lake").stat().st_mode) == stat.S_IMODE(before)


def test_the_command_line_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.nsys-rep").write_bytes(b"no report at all")
    answer = command(
        "ingest", tmp_path / "a.nsys-rep", tmp_path / "b.nsys-rep", "--db", tmp_path / "new", "--lake"
    )
    assert answer.returncode == 1
    assert not (tmp_path / "new").exists()


def test_what_was_stored_before_or_was_emptied_stays(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "lake", lake=True) as lake:
        recorded().store(lake, "one")
        table(lake, tmp_path)
        assert lake.sql("SELECT trace FROM traces").item() == "one"
        lake.drop("one")
        table(lake, tmp_path)
    with traceql.open(tmp_path / "lake") as lake:
        table(lake, tmp_path)
        assert lake.sql("SELECT count(*) FROM traces").item() == 0


def recorded() -> Recording:
    """A call with a kernel."""
    return Recording().gpu(0, "NVIDIA H100 80GB HBM3").call("cudaLaunchKernel", 1, 3, kernel("k", 4, 9))


def test_who_gives_a_lake_up_leaves_it_to_whom_is_storing_in_it(tmp_path: Path) -> None:
    one, other = (traceql.open(tmp_path / "lake", lake=True)._store for _ in range(2))
    one.prepare()
    with other.writing("something") as connection:
        other.number("traces", set())
        one.unprepare()
        assert (tmp_path / "lake" / "lake.json").exists()
        connection.execute("SELECT 1")
    one.close()
    assert (tmp_path / "lake" / "lake.json").exists()


def test_a_lake_that_is_given_up_between_is_one_again_when_something_is_in_it(tmp_path: Path) -> None:
    one, other = (traceql.open(tmp_path / "lake", lake=True) for _ in range(2))
    one._store.prepare()
    other._store.prepare()
    with other._store.writing("something"):
        # Nothing of the other's is there yet.
        one._store.unprepare()
        assert not (tmp_path / "lake").exists()
        other._store.number("traces", set())
    assert (tmp_path / "lake" / "lake.json").exists()
    Runs({"batch": 1, "ms": 2}).store(other, "sweep")
    assert other.sql("SELECT count(*) FROM runs").item() == 1


def test_who_claims_just_when_a_lake_is_given_up_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (traceql.open(tmp_path / "lake", lake=True)._store for _ in range(2))
    one.prepare()
    looked: list[bool] = []
    is_used = type(one._place)._is_used  # type: ignore[attr-defined]

    def claimed_meanwhile(place: object) -> bool:
        looked.append(is_used(place))
        if len(looked) == 1:
            numbers.hold(other._place, "traces", 1)  # type: ignore[attr-defined]
        return looked[-1]

    monkeypatch.setattr(type(one._place), "_is_used", claimed_meanwhile)  # type: ignore[attr-defined]
    one.unprepare()
    assert looked == [False, True]
    assert (tmp_path / "lake" / "lake.json").exists()


def test_a_lock_that_goes_with_a_lake_that_is_given_up_is_held_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for it has the one that is there then, as all others do."""
    one, other = (traceql.open(tmp_path / "lake", lake=True)._store._place for _ in range(2))  # type: ignore[attr-defined]
    one.make()
    locked, held = folder._locked, []

    def given_up(descriptor: int) -> bool:
        held.append(locked(descriptor))
        if len(held) == 1:
            (tmp_path / "lake" / "lock").unlink()
        return held[-1]

    monkeypatch.setattr(folder, "_locked", given_up)
    impatient = Patience(0, lambda _: None)
    with one.changing(impatient), pytest.raises(DatabaseError), other.changing(impatient):
        pass
    assert held == [True, True, False]
