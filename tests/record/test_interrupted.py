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


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_a_report_its_sidecar_and_no_process(name: str, fakes: Path, tmp_path: Path) -> None:
    number = signal.Signals[name]
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
    assert "ended 1 process that the command had left running" in (tmp_path / "said").read_text()
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


def test_a_recording_that_is_killed_leaves_no_process(fakes: Path, tmp_path: Path) -> None:
    seconds = f"75.{os.getpid()}"
    # A session of its own, and one that minds nothing but SIGKILL.
    command = (
        f"setsid --wait sleep {seconds} & (trap '' INT TERM HUP; sleep {seconds}) & exec sleep {seconds}"
    )
    process = started(fakes, tmp_path, command)
    try:
        wait_for_processes(seconds, 3)
        process.kill()
        assert process.wait(timeout=20) == -signal.SIGKILL
        wait_for_processes(seconds, 0)
    finally:
        for pid in living(seconds):
            os.kill(int(pid), signal.SIGKILL)


def wait_for_processes(seconds: str, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(living(seconds)) != number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ctrl_c_at_a_terminal_leaves_a_report_and_no_process(fakes: Path, tmp_path: Path) -> None:
    import pty

    seconds = f"76.{os.getpid()}"
    leader, follower = pty.openpty()
    # The terminal is its own, so that Ctrl-C reaches all that it reaches for a user.
    record = ["-m", "traceql", "collect", "nsys", "-o", "r", "--", "sh", "-c"]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, *record, f"touch running; exec sleep {seconds}"],
        cwd=tmp_path,
        env={"PATH": f"{fakes}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    try:
        wait_for(tmp_path / "running")
        os.write(leader, b"\x03")
        assert process.wait(timeout=20) == 128 + signal.SIGINT
        said = os.read(leader, 1 << 16).decode()
    finally:
        os.close(leader)
    assert "interrupted; a report, if there is one" in said and "Traceback" not in said
    assert sidecar(tmp_path)["interrupted"] is True and (tmp_path / "r.nsys-rep").exists()
    assert living(seconds) == []


@pytest.mark.parametrize("how", ["collect", "collector"])
def test_a_line_of_1_gb_takes_no_memory(how: str, fakes: Path, tmp_path: Path, mode: Path) -> None:
    mode.write_text("endless", encoding="utf-8")
    command = [sys.executable, "-m", "traceql", "collect"]
    if how == "collect":
        command += ["nsys", "-o", "r", "true"]
    else:
        sweep = ["vllm-decode-sweep", "--batches", "1", "--output-len", "8", "--nsys", "--out"]
        command += [*sweep, str(tmp_path)]
    fake_gpu = ROOT / "tests/record/fake_gpu"
    # Asked of a small process: at first a child counts what its parent has.
    count = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ended = subprocess.run(
        [sys.executable, "-S", "-c", count, *command],
        cwd=tmp_path,
        env={"PATH": f"{fakes}:/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{fake_gpu}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ended.stdout) < 100_000
    (report,) = tmp_path.glob("*.nsys-rep")
    if how == "collector":
        # The log has all of it, and is not kept for others to find.
        assert (tmp_path / "decode_nsys.log").stat().st_size > 1_000_000_000
        (tmp_path / "decode_nsys.log").unlink()
    assert json.loads(Path(f"{report}.run.json").read_text(encoding="utf-8"))["exit_status"] == 0


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
