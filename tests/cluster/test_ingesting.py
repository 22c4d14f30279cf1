"""Reports that workers bring into a lake are there as if one process had brought them."""

from __future__ import annotations

import lzma
import os
import shutil
import signal
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import command_line
import deeds
import pytest
import systems
from lakes import assert_same
from shipped import REPORTS

import traceql
from traceql.cluster import ingesting
from traceql.cluster.workers import Dask, Pool, workers
from traceql.errors import ClusterError, ReportError
from traceql.questions import catalog
from traceql.store import choice
from traceql.store.definitions import Definitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

TABLES = ("traces", "kernels", "api_calls", "nvtx_ranges", "memory_ops", "gpus")


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    with deeds.cluster(4) as address:
        yield address


def made(folder: Path, count: int) -> list[Path]:
    """So many reports, all different."""
    folder.mkdir()
    plain = folder / "of_all.sqlite"
    with lzma.open(REPORTS / "pipit_saxpy_2022.2.sqlite.xz") as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file)
    reports = []
    for number in range(count):
        report = folder / f"rank_{number}.sqlite"
        shutil.copy(plain, report)
        with sqlite3.connect(report) as connection:
            connection.execute(
                "UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET start = start + ?, end = end + ?", (number, 2 * number)
            )
        connection.close()
        reports.append(report)
    plain.unlink()
    return reports


def assert_alike(lake: Path, file: Path) -> None:
    """Both hold the same, but for the numbers of traces, which are claimed in the order of arrival."""
    with traceql.open(lake) as one, traceql.open(file) as other:
        names = [
            database.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list()
            for database in (one, other)
        ]
        assert names[0] == names[1]
        for question in ("top_kernels", "cuda_api_sum", "rank_summary"):
            answers: list[Any] = [
                database.ask(question, limit=10_000) if question == "top_kernels" else database.ask(question)
                for database in (one, other)
            ]
            assert len(answers[0]) >= len(names[0])
            assert_same(*answers)


def alone(reports: list[Path], file: Path) -> Path:
    with traceql.open(file) as database:
        assert not [one for one in database.ingest_all(*reports) if isinstance(one, ReportError)]
    return file


def test_four_workers_bring_what_one_process_brings(dask: str, tmp_path: Path) -> None:
    reports = made(tmp_path / "reports", 6)
    lake = tmp_path / "lake"
    arguments = ("ingest", "--db", lake, "--lake", "--scheduler", dask, "--tag", "job=a", *reports)
    result = command_line.traceql(*arguments)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(": added") == 6
    with traceql.open(tmp_path / "file.duckdb") as database:
        for report in reports:
            database.ingest(report, tags={"job": "a"})
    assert_alike(lake, tmp_path / "file.duckdb")
    # Again: nothing is read twice.
    again = command_line.traceql(*arguments)
    assert again.stderr.count("in the database already") == 6


def test_two_hundred_reports_by_four_workers_one_of_which_is_killed(dask: str, tmp_path: Path) -> None:
    reports = made(tmp_path / "reports", 200)
    lake = tmp_path / "lake"
    with workers(dask) as several:
        assert isinstance(several, Dask)
        victim = next(iter(several._client.run(os.getpid).values()))
        threading.Timer(5, lambda: os.kill(victim, signal.SIGKILL)).start()
        outcomes = list(ingesting.ingest_all(several, reports, str(lake), wait_s=60, options={}))
    assert [outcome for _, outcome in outcomes if isinstance(outcome, Exception)] == []
    assert {report for report, _ in outcomes} == set(reports)
    assert_alike(lake, alone(reports, tmp_path / "file.duckdb"))


@systems.posix("SIGKILL")
@pytest.mark.parametrize("often", [False, True])
def test_what_a_killed_process_had_in_hand_is_read_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: bool
) -> None:
    reports = made(tmp_path / "reports", 5)
    monkeypatch.setenv("KILLED", "rank_1.sqlite" if often else f"rank_1.sqlite {tmp_path / 'once'}")
    monkeypatch.setattr(ingesting, "ingest", deeds.ingest)
    became = dict(ingesting.ingest_all(Pool(2), reports, str(tmp_path / "lake"), wait_s=60, options={}))
    assert list(became) == reports
    failed = [path.name for path, one in became.items() if isinstance(one, ReportError)]
    assert failed == (["rank_1.sqlite"] if often else [])
    with traceql.open(tmp_path / "lake") as database:
        names = database.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list()
    assert names == [path.stem for path in reports if path.name not in failed]


def test_one_report_that_cannot_be_read_is_said_and_the_others_come_in(tmp_path: Path) -> None:
    reports = made(tmp_path / "reports", 2)
    reports[0].write_bytes(b"SQLite format 3\x00" + bytes(100))
    arguments = ("ingest", "--db", tmp_path / "lake", "--lake", "--scheduler", "local:2", *reports)
    result = command_line.traceql(*arguments)
    assert result.returncode == 1
    assert "rank_0.sqlite" in result.stderr and "1 of 2 reports could not be read" in result.stderr
    with traceql.open(tmp_path / "lake") as database:
        assert database.sql("SELECT trace FROM traces")["trace"].to_list() == ["rank_1"]


def test_reports_are_sent_to_workers_that_cannot_read_them(tmp_path: Path) -> None:
    reports = made(tmp_path / "reports", 1)
    beside = reports[0].with_name("rank_0.sqlite.run.json")
    beside.write_text('{"format": "traceql-run", "version": 1, "tags": {"batch": "8"}}', encoding="utf-8")

    class Elsewhere:
        """Works where the reports are not."""

        count = 1

        def each(self, work: Any, items: Any) -> Iterator[tuple[int, Any]]:
            for number, item in enumerate(items):
                shutil.rmtree(tmp_path / "reports")
                yield number, work(item)

    ((report, outcome),) = ingesting.ingest_all(
        Elsewhere(), reports, str(tmp_path / "lake"), wait_s=1, send=True, options={}
    )
    assert report == reports[0] and not isinstance(outcome, ReportError)
    with traceql.open(tmp_path / "lake") as database:
        assert database.sql("SELECT trace, tags['batch'] AS batch FROM traces").rows() == [("rank_0", "8")]


def test_a_file_has_one_writer(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="one writer"):
        ingesting.check(choice.store(str(tmp_path / "a.duckdb"), definitions=Definitions(catalog.load(()))))
    arguments = ["ingest", "--db", str(tmp_path / "a.duckdb"), "--scheduler", "local:2", str(REPORTS)]
    result = command_line.traceql(*arguments)
    assert result.returncode == 1 and "one writer" in result.stderr
    assert not (tmp_path / "a.duckdb").exists()
    for wrong in (["--send"], ["--scheduler", "local", "--jobs", "2"]):
        assert command_line.traceql("ingest", *wrong, REPORTS).returncode == 2
