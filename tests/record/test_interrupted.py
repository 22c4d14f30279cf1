"""Recordings that are stopped: the profiler finishes its report, and nothing that was started lives on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from traceql.record import running

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to who asks for them"),
]


def started(fakes: Path, folder: Path, script: str, *options: str) -> subprocess.Popen[bytes]:
    """``traceql collect nsys -o r`` around a shell script that says when it runs."""
    command = [sys.executable, "-m", "traceql", "collect", "nsys", "-o", "r", *options, "--", "sh", "-c"]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [*command, f"touch running; {script}"],
            cwd=folder,
            env={"PATH": f"{fakes}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
    wait_for(folder / "running")
    return process


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def living(seconds: str) -> list[str]:
    """The sleeps of so many seconds."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(place.parent.name)
    return found


def sidecar(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "r.nsys-rep.run.json").read_text()))


# A child that leaves the session, its parent and its shell, and does not mind being interrupted.
ORPHAN = "(trap '' INT HUP; setsid sh -c 'sleep {0} & exec sleep {0}' &) ; exec sleep {0}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_report_its_sidecar_and_no_process(
    number: signal.Signals, fakes: Path, tmp_path: Path
) -> None:
    seconds = f"71.{os.getpid()}{number}"
    process = started(fakes, tmp_path, ORPHAN.format(seconds), "--tag", "batch=64")
    process.send_signal(number)
    assert process.wait(timeout=20) == 128 + number, (tmp_path / "said").read_text()
    assert (tmp_path / "r.nsys-rep").exists()
    assert sidecar(tmp_path)["interrupted"] is True and sidecar(tmp_path)["tags"] == {"batch": "64"}
    assert living(seconds) == []
    assert not list(tmp_path.glob(".*"))


def test_a_second_signal_ends_the_wait_for_the_report(fakes: Path, tmp_path: Path, mode: Path) -> None:
    mode.write_text("slow", encoding="utf-8")
    seconds = f"72.{os.getpid()}"
    process = started(fakes, tmp_path, ORPHAN.format(seconds))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - began < 15
    assert living(seconds) == [] and {path.name for path in tmp_path.iterdir()} == {"running", "said"}


def test_time_that_is_up_ends_what_minds_no_signal(fakes: Path, tmp_path: Path) -> None:
    seconds = f"73.{os.getpid()}"
    process = started(fakes, tmp_path, ORPHAN.format(seconds), "--timeout", "1")
    assert process.wait(timeout=30) != 0
    assert living(seconds) == []
    assert sidecar(tmp_path)["timed_out"] is True and sidecar(tmp_path)["interrupted"] is False


def test_what_a_command_leaves_running_is_ended_and_said(fakes: Path, tmp_path: Path) -> None:
    seconds = f"74.{os.getpid()}"
    process = started(fakes, tmp_path, f"setsid sleep {seconds} > /dev/null & sleep 0.2")
    assert process.wait(timeout=30) == 0
    assert "ended 1 processes that the command had left running" in (tmp_path / "said").read_text()
    assert living(seconds) == []


def test_a_recording_in_place_of_another_never_keeps_the_other_s_sidecar(fakes: Path, tmp_path: Path) -> None:
    process = started(fakes, tmp_path, "true", "--tag", "batch=8", "--metric", "ms_per_token=5")
    assert process.wait(timeout=30) == 0
    (tmp_path / "running").unlink()
    process = started(fakes, tmp_path, "exec sleep 30", "--force", "--tag", "batch=64")
    # What is replaced is gone before the new one begins.
    assert not list(tmp_path.glob("r.*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 143
    assert sidecar(tmp_path)["tags"] == {"batch": "64"} and sidecar(tmp_path)["runs"] == []


def test_standard_input_is_the_command_s(fakes: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "traceql", "collect", "nsys", "-o", "r", "--", "sh", "-c"]
    subprocess.run(
        [*command, "cat > copy"],
        cwd=tmp_path,
        env={"PATH": f"{fakes}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        input="a line\n",
        text=True,
        check=True,
    )
    assert (tmp_path / "copy").read_text() == "a line\n"


def test_a_background_job_s_profiler_can_be_interrupted() -> None:
    # A shell without job control starts what is in the background with SIGINT ignored, and so would be what
    # that starts.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        outcome = running.run(["/bin/sleep", "30"], {}, timeout_s=0.2)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.status == -signal.SIGINT and outcome.timed_out
