"""What ``ingest`` says beside the data: shortly, what matters first, and what all have in common once."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceql.cli.ingest import _Progress
from traceql.read.formats import NSYS_REP_OPTIONS
from traceql.store.outcomes import Ingested
from traceql.tables import schema

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
    assert lines == [f"note: b: {ODD}", f"note: a, b: {LOST}", f"note: a, b, c: {NSYS_REP_OPTIONS}"]


def test_of_many_reports_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    told(*(added(f"rank{number}", LOST) for number in range(8)))
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"note: 8 reports (rank0, rank1, rank2 and 5 more): {LOST}"
    )


def test_what_several_reports_lack_alike_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    lacks = {"os_calls": "nsys profile --trace=osrt", "cpu_samples": "nsys profile --sample=process-tree"}
    one = {"os_calls": "nsys profile --trace=osrt"}
    told(
        *(
            Ingested(name, "added", {}, which, (), ())
            for name, which in zip("abc", (lacks, lacks, one), strict=True)
        )
    )
    assert [line for line in capsys.readouterr().err.splitlines() if "not recorded" in line] == [
        "  not recorded: os_calls, cpu_samples (traceql info a says how to)",
        "  not recorded: the same 2 as in a",
        "  not recorded: os_calls (nsys profile --trace=osrt)",
    ]


def test_on_a_terminal_it_is_as_wide_as_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    stored = Ingested(
        "a", "added", dict.fromkeys(schema.BY_NAME, 2), dict.fromkeys(schema.BY_NAME, "x"), (), ()
    )
    with _Progress(1, quiet=False) as progress:
        progress.done(Path("a.nsys-rep"), stored)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 20
    assert max(map(len, lines)) <= 60


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
