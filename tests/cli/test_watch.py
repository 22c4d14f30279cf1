"""``ingest --watch``: what is there, what comes, what is broken, and how it ends."""

from __future__ import annotations

import lzma
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import systems
from command_line import ENVIRONMENT, traceql
from shipped import REPORTS

import traceql as library
from traceql.cli import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPORT = "crossing_ranges.nsys-rep"
SECONDS = 120.0


def content(name: str) -> bytes:
    return lzma.decompress((REPORTS / f"{name}.xz").read_bytes())


class Watching:
    """A process that watches the folder ``in``, and what it says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with (home / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "traceql", "ingest", "--watch", "in"],
                cwd=home,
                env=ENVIRONMENT,
                stderr=said,
            )

    def said(self) -> str:
        return (self.home / "said").read_text("utf-8")

    def wait(self, until: Callable[[str], bool]) -> str:
        end = time.monotonic() + SECONDS
        while not until(self.said()):
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.05)
        return self.said()


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "there.nsys-rep").write_bytes(content(REPORT))
    os.utime(tmp_path / "in" / "there.nsys-rep", (1, 1))
    started = Watching(tmp_path)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


@pytest.mark.long
@systems.posix("interruption of another process")
def test_reports_come_in_as_they_come_and_broken_ones_when_they_are_mended(watching: Watching) -> None:
    folder = watching.home / "in"
    watching.wait(lambda said: "there: added" in said)
    # Put in its place at once, in a folder below.
    (folder / "new.part").write_bytes(content("kinds_basic.ncu-rep"))
    (folder / "new.part").rename(folder / "deep" / "new.ncu-rep")
    watching.wait(lambda said: "new: added" in said)
    whole = content("emit_nvtx.nsys-rep")
    (folder / "late.nsys-rep").write_bytes(whole[: len(whole) // 2])
    said = watching.wait(lambda said: "error: late.nsys-rep" in said)
    time.sleep(2.5)
    assert watching.said().count("error: late.nsys-rep") == said.count("error: late.nsys-rep") == 1
    (folder / "late.nsys-rep").write_bytes(whole)
    watching.wait(lambda said: "late: added" in said)
    # Meanwhile others ask.
    assert traceql("ls", "-f", "csv", folder=watching.home).stdout.count("\n") == 4
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(SECONDS) == 130
    assert watching.said().endswith("Interrupted.\n")
    with library.open(watching.home / "traces.duckdb") as database:
        assert sorted(database.sql("SELECT trace FROM traces")["trace"]) == ["late", "new", "there"]
    assert sorted(path.name for path in watching.home.iterdir()) == ["in", "said", "traces.duckdb"]


class OverError(Exception):
    """The looks of a test are over."""


def looked(
    monkeypatch: pytest.MonkeyPatch, folder: Path, between: list[Callable[[], object]]
) -> list[list[str]]:
    """The reports that are read at each look, between which something happens."""
    rounds: list[list[str]] = [[]]
    steps = iter(between)

    def sleep(_seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise OverError
        step()
        rounds.append([])

    monkeypatch.setattr(watch.time, "sleep", sleep)
    with pytest.raises(OverError):
        watch.watch(
            [folder], "none.duckdb", lambda found: rounds[-1].extend(p.name for p in found), quiet=True
        )
    return rounds


def test_a_report_that_still_grows_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "a.nsys-rep"

    def grow() -> None:
        with report.open("ab") as file:
            file.write(b"x")

    nothing = lambda: None  # noqa: E731
    rounds = looked(monkeypatch, tmp_path, [grow, grow, grow, nothing, nothing, grow, nothing, report.unlink])
    assert rounds == [[], [], [], [], ["a.nsys-rep"], [], [], ["a.nsys-rep"], []]


def test_an_empty_file_and_what_is_no_report_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.nsys-rep").touch()
    (tmp_path / "notes.txt").write_text("none")
    nothing = lambda: None  # noqa: E731
    assert looked(monkeypatch, tmp_path, [nothing, nothing]) == [[], [], []]


def test_a_database_that_is_busy_is_tried_again_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.nsys-rep").write_bytes(b"x")
    os.utime(tmp_path / "a.nsys-rep", (1, 1))
    tries = []

    def sleep(_seconds: float) -> None:
        if len(tries) == 3:
            raise OverError

    def read(_found: list[Path]) -> None:
        tries.append(1)
        raise library.DatabaseError("busy")

    monkeypatch.setattr(watch.time, "sleep", sleep)
    with pytest.raises(OverError):
        watch.watch([tmp_path], "none.duckdb", read, quiet=True)
    assert capsys.readouterr().err.count("busy") == 1


def test_what_does_not_go_with_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for words in (("in", "--name", "x"), ("in", "--scheduler", "local")):
        told = traceql("ingest", "--watch", *words, folder=tmp_path)
        assert told.returncode == 2 and "does not go with --watch" in told.stderr
    told = traceql("ingest", "--watch", "nowhere", folder=tmp_path)
    assert told.returncode == 2 and "nowhere: --watch looks into folders." in told.stderr
