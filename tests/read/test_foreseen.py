"""A process that decodes is begun early where a command names reports that were not read before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from traceql.read import foreseen, kept

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(kept, "folder", lambda: tmp_path / "traceql")
    (tmp_path / "run.1.nsys-rep.xz").touch()
    return str(tmp_path / "run.1.nsys-rep.xz")


def test_all_that_ingest_is_given_is_read_whatever_it_is_called() -> None:
    assert foreseen.reports(["ingest", "-q", "--db", "d", "results/"]) == ["d", "results/"]
    assert foreseen.reports(["ingest"]) == []


def test_files_that_are_called_like_reports_are_read(report: str, tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    words = ["why", report, str(tmp_path / "note.txt"), str(tmp_path / "none.nsys-rep"), "run.1"]
    assert foreseen.reports(words) == [report]


@pytest.mark.parametrize("word", ["--help", "-h", "--via=nsys", "--scheduler"])
def test_nothing_is_read_here_where_another_one_reads_or_help_is_wanted(report: str, word: str) -> None:
    assert foreseen.reports(["why", report, word]) == []
    assert foreseen.reports(["ingest", report, word]) == []


def test_what_collect_is_given_is_made(report: str) -> None:
    assert foreseen.reports(["collect", "nsys", "-o", report]) == []


@pytest.mark.parametrize("name", ["run.1", "run.1.nsys-rep"])
def test_what_was_read_before_is_not_read_again(report: str, tmp_path: Path, name: str) -> None:
    entry = tmp_path / "traceql" / kept.REPORTS / "0"
    entry.mkdir(parents=True)
    (entry / kept.NAMES).write_text(json.dumps(["other", "run.2"]), "utf-8")
    assert foreseen.reports(["diff", report, report]) == [report, report]
    (entry / kept.NAMES).write_text(json.dumps([name]), "utf-8")
    assert foreseen.reports(["diff", report, report]) == []
