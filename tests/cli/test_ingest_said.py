"""What ``ingest`` says beside the data: shortly, what matters first, and what all have in common once."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceql.cli.ingest import _Progress
from traceql.read.formats import NSYS_REP_OPTIONS
from traceql.store.outcomes import Ingested

LOST = "Not all CUDA events might have been collected."
ODD = "3 events have the unknown type 9; what they say may be missing."


def told(*stored: Ingested, quiet: bool = False) -> None:
    with _Progress(len(stored), quiet) as progress:
        for one in stored:
            progress.done(Path(f"{one.name}.nsys-rep"), one)


def added(name: str, *warnings: str, left: tuple[str, ...] = ()) -> Ingested:
    return Ingested(name, "added", {"kernels": 2}, {}, warnings, left)


def test_what_several_reports_share_is_said_once_and_what_all_have_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(
        added("a", NSYS_REP_OPTIONS, LOST),
        added("b", NSYS_REP_OPTIONS, ODD, LOST),
        added("c", NSYS_REP_OPTIONS),
    )
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert lines == [f"note: b: {ODD}", f"note: 2 reports: {LOST}", f"note: 3 reports: {NSYS_REP_OPTIONS}"]


def test_of_one_report_what_is_special_to_it_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    told(added("a", NSYS_REP_OPTIONS, LOST))
    assert capsys.readouterr().err.splitlines()[2:] == [f"note: a: {LOST}", f"note: a: {NSYS_REP_OPTIONS}"]


def test_what_is_not_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    told(added("a", left=("CPU samples (68)", "video engines (3)")))
    assert "  recorded, not read: CPU samples (68), video engines (3)\n" in capsys.readouterr().err
    told(added("a"))
    assert "not read" not in capsys.readouterr().err


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    told(added("a", LOST, left=("CPU samples (68)",)), quiet=True)
    assert capsys.readouterr().err == ""
