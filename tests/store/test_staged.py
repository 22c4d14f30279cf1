"""Several reports in one command: small ones are made into rows side by side, and nothing of it is seen."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import helpers_robust
import pytest

import traceql
from traceql.errors import ReportError
from traceql.read import sidecar
from traceql.store import read_in, staged, steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql import Ingested

REPORTS = (
    "repeat_0.nsys-rep",
    "graph_nodes.sqlite",
    "esmm_a10g_2023.1.ncu-rep",
    "nvtx_counters.nsys-rep",
    "extrap_a100_2020.3.ncu-rep",
)

pytestmark = pytest.mark.long


@pytest.fixture
def reports(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "reports"
    folder.mkdir()
    return [helpers_robust.plain(name, folder) for name in REPORTS]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of each trace whose steps ran: in a change of the database, or before."""
    noted: list[str] = []
    insert = steps.insert

    def note(connection: Any, decoded: Any, number: int, label: str, *more: Any) -> steps.Inserted:
        noted.append("in the change" if label else "before")
        return insert(connection, decoded, number, label, *more)

    monkeypatch.setattr(steps, "insert", note)
    return noted


def one_by_one(reports: Sequence[Path], database: Path, **options: Any) -> dict[str, list[str]] | None:
    with traceql.open(database) as db:
        for report in reports:
            db.ingest(report, **options)
    return helpers_robust.contents(database)


def together(reports: Sequence[Path], database: Path, **options: Any) -> list[Ingested | ReportError]:
    with traceql.open(database) as db:
        return db.ingest_all(*reports, **options)


def names(outcomes: Sequence[Ingested | ReportError]) -> list[str]:
    return [one.message if isinstance(one, ReportError) else f"{one.status} {one.name}" for one in outcomes]


@pytest.mark.parametrize("options", [{}, {"tags": {"batch": "8"}, "keep_environment": True}])
@pytest.mark.parametrize("in_one", [1, 100])
def test_the_database_is_the_same_as_that_of_one_by_one(
    reports: list[Path],
    made: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: Mapping[str, Any],
    in_one: int,
) -> None:
    monkeypatch.setattr(staged, "_MOST_IN_ONE", in_one)
    expected = one_by_one(reports, tmp_path / "one.duckdb", **options)
    assert made == ["in the change"] * len(reports)
    made.clear()
    outcomes = together(reports, tmp_path / "all.duckdb", **options)
    assert made == ["before"] * len(reports)
    assert helpers_robust.contents(tmp_path / "all.duckdb") == expected
    assert [one.seconds > 0 for one in outcomes if not isinstance(one, ReportError)] == [True] * len(reports)


def test_large_ones_between_them_keep_their_place(
    reports: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = one_by_one(reports, tmp_path / "one.duckdb")
    made.clear()
    monkeypatch.setattr(staged, "is_small", lambda decoded: decoded.path.name not in REPORTS[1:3])
    together(reports, tmp_path / "all.duckdb")
    assert sorted(made) == ["before"] * 3 + ["in the change"] * 2
    assert helpers_robust.contents(tmp_path / "all.duckdb") == expected


@pytest.mark.parametrize("at_a_time", [1, 2, 16])
def test_one_that_cannot_be_read_keeps_none_out(
    reports: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_a_time: int
) -> None:
    monkeypatch.setattr(read_in, "_TOGETHER", at_a_time)
    reports[1].write_bytes(reports[1].read_bytes()[:5000])
    outcomes = together(reports, tmp_path / "all.duckdb")
    assert isinstance(outcomes[1], ReportError)
    others = [*reports[:1], *reports[2:]]
    assert names(outcomes[:1] + outcomes[2:]) == [
        f"added {report.name.removesuffix(report.suffix)}" for report in others
    ]
    with traceql.open(tmp_path / "all.duckdb") as db:
        # Numbers are those of the places.
        assert db.sql("SELECT trace_id FROM traces ORDER BY ALL")["trace_id"].to_list() == [1, 3, 4, 5]
        assert db.sql("SELECT count(*) AS n FROM kernels WHERE trace_id = 2")["n"].to_list() == [0]


def test_content_that_makes_no_sense_is_told_of_its_report_alone(
    reports: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    insert = steps.insert

    def refuse(connection: Any, decoded: Any, number: int, *more: Any) -> steps.Inserted:
        inserted = insert(connection, decoded, number, *more)
        if decoded.path.name == REPORTS[3]:
            raise ReportError("its content does not make sense", "Record it again.")
        return inserted

    monkeypatch.setattr(steps, "insert", refuse)
    outcomes = together(reports, tmp_path / "all.duckdb")
    assert names(outcomes)[3] == "its content does not make sense"
    with traceql.open(tmp_path / "all.duckdb") as db:
        there = db.sql("SELECT trace FROM traces ORDER BY trace_id")["trace"].to_list()
    assert there == [name.rpartition(".")[0] for name in (*REPORTS[:3], *REPORTS[4:])]


def test_the_same_report_twice_comes_in_once(reports: list[Path], made: list[str], tmp_path: Path) -> None:
    twice = reports[0].with_name("again.nsys-rep")
    shutil.copyfile(reports[0], twice)
    outcomes = together([reports[0], twice, reports[1]], tmp_path / "all.duckdb")
    assert names(outcomes) == ["added repeat_0", "unchanged repeat_0", "added graph_nodes"]
    made.clear()
    # The database holds them: nothing is made.
    assert names(together(reports[:2], tmp_path / "all.duckdb")) == [
        "unchanged repeat_0",
        "unchanged graph_nodes",
    ]
    assert made == []
    assert (
        names(together([reports[0], twice], tmp_path / "all.duckdb", replace=True))
        == ["replaced repeat_0"] * 2
    )
    with traceql.open(tmp_path / "all.duckdb") as db:
        there = db.sql("SELECT trace_id, count(*) AS n FROM kernels GROUP BY ALL ORDER BY ALL").to_dicts()
        held = db.sql("SELECT trace_id FROM traces WHERE trace = 'repeat_0'")["trace_id"].to_list()
    one_by_one(reports[:1], tmp_path / "one.duckdb")
    with traceql.open(tmp_path / "one.duckdb") as db:
        [expected] = db.sql("SELECT count(*) AS n FROM kernels")["n"].to_list()
    assert [row["n"] for row in there if row["trace_id"] in held] == [expected]
    assert len(there) == 2


def test_a_number_that_somebody_took_meanwhile_is_not_given_again(
    reports: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one_by_one(reports[:2], tmp_path / "all.duckdb")
    made.clear()
    # As when it was asked before the two came in.
    monkeypatch.setattr(staged.Stage, "begin", lambda stage, _: stage._there.set_result((0, frozenset())))
    together(reports[2:], tmp_path / "all.duckdb")
    # The first two numbers are taken, and with the one that the first has instead that of the last.
    assert sorted(made) == ["before"] * 3 + ["in the change"] * 3
    assert helpers_robust.contents(tmp_path / "all.duckdb") == one_by_one(reports, tmp_path / "one.duckdb")


def test_what_does_not_work_in_memory_is_made_in_the_change(
    reports: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = one_by_one(reports, tmp_path / "one.duckdb")
    made.clear()

    def full(*_: object) -> staged.Staged:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(staged.Stage, "_staged", full)
    together(reports, tmp_path / "all.duckdb")
    assert made == ["in the change"] * len(reports)
    assert helpers_robust.contents(tmp_path / "all.duckdb") == expected


def test_a_sidecar_gives_each_its_tags_and_runs(reports: list[Path], tmp_path: Path) -> None:
    for number, report in enumerate(reports[:2]):
        beside = {
            "format": sidecar.FORMAT,
            "version": sidecar.VERSION,
            "tags": {"batch": str(number)},
            "runs": [{"metrics": [{"name": "latency_ms", "unit": "ms", "value": 100.0 + number}]}],
        }
        sidecar.path_of(report).write_text(json.dumps(beside))
    expected = one_by_one(reports, tmp_path / "one.duckdb")
    together(reports, tmp_path / "all.duckdb")
    assert helpers_robust.contents(tmp_path / "all.duckdb") == expected
    with traceql.open(tmp_path / "all.duckdb") as db:
        assert db.sql("SELECT value FROM run_metrics ORDER BY ALL")["value"].to_list() == [100, 101]
        assert db.sql("SELECT tags['batch'] AS b FROM traces ORDER BY trace_id")["b"].to_list()[:2] == [
            "0",
            "1",
        ]


def test_a_database_that_cannot_be_written_ends_what_was_begun(reports: list[Path], tmp_path: Path) -> None:
    with pytest.raises(traceql.DatabaseError, match="there is no folder"):
        together(reports, tmp_path / "nowhere" / "all.duckdb")
