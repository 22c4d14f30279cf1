"""Processes that decode: one is started before it is known what for, and none is left behind."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, process, traceql
from helpers_robust import contents, plain
from systems import linux

from traceql.errors import ReportError
from traceql.read import child, formats, processes, worker
from traceql.read.base import no_progress

CHILD = [sys.executable, "-m", "traceql.read.child"]


def test_the_first_who_asks_gets_the_one_in_reserve() -> None:
    with processes.reserve(()):
        (reserved,) = processes._in_reserve
        first, second = processes.start(), processes.start()
        assert first is reserved
        assert second.process.pid != first.process.pid
    # Whoever has it ends it.
    assert first.process.poll() is None
    for one in (first, second):
        processes.end(one)


def test_one_that_nobody_asks_ends_with_the_block() -> None:
    with pytest.raises(KeyboardInterrupt), processes.reserve(()):
        (reserved,) = processes._in_reserve
        raise KeyboardInterrupt
    assert reserved.process.poll() is not None
    assert not processes._in_reserve


def test_one_that_has_ended_is_given_to_nobody() -> None:
    with processes.reserve(()):
        (reserved,) = processes._in_reserve
        reserved.process.kill()
        reserved.process.wait()
        other = processes.start()
        assert other is not reserved
        assert other.process.poll() is None
        processes.end(other)


def test_without_a_request_a_decoder_ends_in_silence() -> None:
    ended = subprocess.run([*CHILD, "run.sqlite"], input=b"", capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("name", "reader"),
    [("a.ncu-rep", "ncu_rep"), ("A.NCU-REP.xz", "ncu_rep"), ("b/c.sqlite.zst", "nsys_export"), ("d", None)],
)
def test_before_the_request_it_imports_what_such_a_report_will_need(name: str, reader: str | None) -> None:
    command = [sys.executable, "-X", "importtime", *CHILD[1:], name]
    said = subprocess.run(command, input="", capture_output=True, text=True, check=True).stderr
    imported = {line.rsplit("|", 1)[-1].strip() for line in said.splitlines()}
    assert "pyarrow.lib" in imported
    every = ("ncu_rep", "nsys_rep", "nsys_export")
    # What is imported by name is not among them, what it imports is.
    assert [one for one in every if any(name.startswith(f"traceql.read.{one}.") for name in imported)] == (
        [reader] if reader else []
    )


DECODES = """
import os, sys
from traceql.read import child
decode = child._decode
def told(*asked):
    answer = decode(*asked)
    print(sorted({"numpy.ma", "pandas", "pyarrow.compute"} & set(sys.modules)), file=sys.stderr)
    return answer
child.main(told)
"""


@pytest.mark.parametrize("name", ["llama_eager.nsys-rep", "event_streams.nsys-rep", "sampled_loop.nsys-rep"])
def test_to_decode_imports_nothing_that_takes_longer_than_to_decode(tmp_path: Path, name: str) -> None:
    request = {
        "module": "traceql.read.nsys_rep",
        "divisible": False,
        "streams": True,
        "path": str(plain(name, tmp_path)),
        "wanted": None,
        "part": (0, 1),
        "at_once": 1,
        "memory": None,
        "file": None,
        "in_frames": 0,
    }
    command = [sys.executable, "-c", DECODES, name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdin is not None
        ran.stdin.write(json.dumps(request).encode() + b"\n")
        ran.stdin.flush()
        # Ends when its input does, once all is said.
        assert ran.stdout is not None
        heads = iter(lambda: ran.stdout.read(child.FRAME.size), b"")
        tags = []
        for head in heads:
            tag, size = child.FRAME.unpack(head)
            ran.stdout.read(size)
            tags.append(tag)
            if tag in (b"M", b"E"):
                break
        ran.stdin.close()
        assert tags[-1] == b"M"
        assert ran.stderr is not None
        assert ran.stderr.read() == b"[]\n"


def _with_words(word: str) -> set[str]:
    """Running processes in whose command line a word stands."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                found.add(entry.name)
    return found


@pytest.mark.long
@linux("/proc")
@pytest.mark.parametrize(
    "words",
    [("none.ncu-rep",), ("none.ncu-rep", "--no-such-option"), ("none.ncu-rep", "--memory", "nothing")],
    ids=["no report", "no option", "no value"],
)
def test_a_command_that_fails_leaves_no_decoder_behind(tmp_path: Path, words: tuple[str, ...]) -> None:
    name, *others = words
    ended = process("ingest", "--db", tmp_path / "db", tmp_path / name, *others)
    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr
    assert not _with_words(str(tmp_path))


PROGRAM = """
import sys
from traceql.__main__ import program
try:
    program()
finally:
    print("numpy" in sys.modules)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "needs_numpy"),
    # Rules of the other one name files below a home folder, which pyarrow.compute shortens.
    [("scv_baseline_vectorized.ncu-rep", False), ("esmm_a10g_2023.1_b.ncu-rep", True)],
)
def test_a_program_that_ingests_stores_the_same_with_and_without_numpy(
    tmp_path: Path, name: str, needs_numpy: bool
) -> None:
    report = plain(name, tmp_path)
    here, there = tmp_path / "here", tmp_path / "there"
    assert traceql("ingest", report, "--db", here).returncode == 0
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "ingest", str(report), "--db", str(there)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=True,
    )
    assert ended.stdout == f"{needs_numpy}\n"
    assert contents(here) == contents(there)


def test_where_several_reports_are_read_one_that_has_answered_is_given_the_next(tmp_path: Path) -> None:
    reader = formats.READERS[1]
    report = plain("scv_baseline_graph.nsys-rep", tmp_path)

    def rows() -> dict[str, int]:
        found = worker.decode(reader, report, wanted=None, progress=no_progress, stop=worker.Stop())
        return {name: table.select([]).num_rows for name, table in found.tables.items()}

    with processes.several():
        first = rows()
        (kept,) = processes._in_reserve
        assert rows() == first
        assert [one.process.pid for one in processes._in_reserve] == [kept.process.pid]
    assert kept.process.poll() is not None
    assert not processes._in_reserve


def test_one_whose_report_was_refused_is_given_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.nsys-rep").write_bytes(b"NVIDIA Tegra Profiler Report")
    with processes.several():
        with pytest.raises(ReportError):
            worker.decode(
                formats.READERS[1],
                tmp_path / "a.nsys-rep",
                wanted=None,
                progress=no_progress,
                stop=worker.Stop(),
            )
        assert not processes._in_reserve
