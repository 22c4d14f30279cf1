"""What is redacted runs in a process of its own, which takes no more memory and time than it may."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import nsys_rep_file as rep
import planted_nsys
import pytest
from command_line import traceql
from planted import SECRET

from traceql.errors import LimitError, ReportError
from traceql.read import processes
from traceql.read.base import no_progress
from traceql.read.limits import Limits
from traceql.share.redact import Names, apart, check, child, redact, writers
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A report with secrets."""
    path = tmp_path / "planted.nsys-rep"
    path.write_bytes(planted_nsys.report())
    return path


def test_a_process_of_its_own_writes_the_same_and_tells_the_same(source: Path, tmp_path: Path) -> None:
    here, there, removed = Names(), Names(), Removed()
    # UUIDs are of a call alone.
    there.become(json.loads(json.dumps(here.state())))
    writers.write(source, source.name, tmp_path / "here.nsys-rep", here, removed, no_progress)
    assert redact(source, tmp_path / "there.nsys-rep", there) == removed
    assert (tmp_path / "there.nsys-rep").read_bytes() == (tmp_path / "here.nsys-rep").read_bytes()
    told = there.state()
    assert told == here.state()
    assert told["numbers"] and told["facts"]["users"] and told["facts"]["secrets"]


def test_what_names_are_is_the_same_in_another_process() -> None:
    names, others = Names(pseudonyms=True, keep=["nccl*"], key="\udcff"), Names()
    names.number("/home/bob/\udcff")
    names.facts.users.add("bob")
    others.become(names.state())
    assert others.state() == names.state()
    for name in ("gemm", "ncclDevKernel"):
        assert others.pseudonym(name, "kernel name", Removed()) == names.pseudonym(
            name, "kernel name", Removed()
        )
    assert others.number("/home/bob/\udcff") == names.number("/home/bob/\udcff")


def test_a_report_that_unpacks_to_more_than_it_may_take_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "bomb.nsys-rep"
    source.write_bytes(rep.report(raw_blocks=[rep.packed(rep.sized(bytes(400_000_000)))], index={1: 0}))
    assert source.stat().st_size < 3_000_000
    answer = traceql("redact", source, "-o", tmp_path / "clean.nsys-rep", "--memory", "50MB")
    assert answer.returncode == 1
    assert "needs more than 50 MB of memory" in answer.stderr and "--memory" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_size_that_is_none_is_wrong_usage(source: Path) -> None:
    assert traceql("redact", source, "--check", "--memory", "much").returncode == 2


def _instead(monkeypatch: pytest.MonkeyPatch, program: str, idle_s: float = 60) -> None:
    """Have another program asked."""

    def start(module: str) -> processes.Process:
        assert module == "traceql.share.redact.child"
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `processes.end`
        started = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        )
        return processes.Process(started, said)

    monkeypatch.setattr(processes, "start_of", start)
    monkeypatch.setattr(apart, "limits", lambda *_, **__: Limits(None, idle_s))


def test_who_makes_no_progress_is_ended(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _instead(monkeypatch, "import time; time.sleep(600)", idle_s=0.2)
    with pytest.raises(LimitError, match="made no progress"):
        redact(source, tmp_path / "clean.nsys-rep", Names())
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_crash_is_an_error(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _instead(monkeypatch, "import os, sys; sys.stdin.readline(); os.abort()")
    with pytest.raises(ReportError, match="crashed"):
        redact(source, tmp_path / "clean.nsys-rep", Names())
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_progress_is_a_sign_of_life(source: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = source.with_name("clean.nsys-rep")
    writers.write(source, source.name, target, Names(), Removed(), lambda *of: seen.append(of))
    assert seen == [(1, 2), (2, 2)]


def test_a_place_that_cannot_be_written_is_said_as_such(source: Path, tmp_path: Path) -> None:
    request = {
        "path": str(source),
        "file_name": source.name,
        "target": str(tmp_path / "missing" / "x"),
        "names": Names().state(),
    }
    told = child.redact(sys.stdout.buffer, request, no_progress)
    assert isinstance(FileNotFoundError(*told["failed"]), OSError)
    assert "No such file" in told["failed"][1]


def test_messages_within_messages_without_end_are_an_error(tmp_path: Path) -> None:
    content = f"/home/{SECRET}".encode()
    for _ in range(3000):
        content = rep.field(1, content)
    call = rep.event(48, 108, (1, 30), (2, 31), (3, 2), (6, 102), (7, 0), (13, rep.TID), (40, content))
    source = tmp_path / "deep.nsys-rep"
    source.write_bytes(planted_nsys.report(call))
    with pytest.raises(ReportError, match="too deep"):
        check(source, Names())
