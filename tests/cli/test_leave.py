"""How a command's process ends: in silence from its first moment on, and without waiting for its memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import systems

# Interrupts itself when a module is about to be imported.
IMPORTING = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
runpy.run_module("traceql", run_name="__main__", alter_sys=False)
"""
ENDING = """
import atexit, os, runpy, signal
from traceql import cli
main = cli.main

def interrupted_later(**how):
    atexit.register(os.kill, os.getpid(), signal.SIGINT)
    main(**how)

cli.main = interrupted_later
runpy.run_module("traceql", run_name="__main__", alter_sys=False)
"""


def ran(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, begun by some code."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@systems.posix("signals that a process sends itself")
@pytest.mark.parametrize(
    "module", ["traceql.cli", "click", "traceql.store.interrupts", "traceql.cli.leave", "traceql.cli.gpu"]
)
def test_an_interruption_is_quiet_whatever_is_being_imported(module: str) -> None:
    ended = ran(IMPORTING.replace("MODULE", repr(module)), "gpu", "H200")
    assert ended.returncode == 130
    assert ended.stderr.strip() in ("", "Interrupted.")


def test_nothing_is_imported_before_an_interruption_is_quiet() -> None:
    found = ran("import sys; before = {*sys.modules}; import traceql; print(sorted({*sys.modules} - before))")
    assert found.stdout == "['__future__', 'traceql']\n"


@systems.posix("signals that a process sends itself")
def test_an_interruption_is_quiet_when_the_command_is_done() -> None:
    ended = ran(ENDING, "--version")
    assert ended.stdout.startswith("traceql")
    assert ended.stderr == ""
    assert ended.returncode == 130


# Takes memory in small pages, says how much of the processor that took, and ends.
LARGE = """
import mmap, os, sys, time
from traceql.cli import leave
held = mmap.mmap(-1, 600 << 20)
held.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(held), 4096):
    held[at] = 1
print(sum(os.times()[:2]), flush=True)
if sys.argv[1] == "command":
    leave.with_status(int(sys.argv[2]))
os._exit(int(sys.argv[2]))
"""


def _end_s(how: str, status: int) -> float:
    """Seconds of the processor that the end of a process with much memory takes."""
    with subprocess.Popen(
        [sys.executable, "-c", LARGE, how, str(status)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        before = float(process.stdout.readline())
        _, ended, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended)
    assert process.returncode == status
    return used.ru_utime + used.ru_stime - before


@pytest.mark.long
@systems.linux("a process that shares another one's memory")
@pytest.mark.parametrize("status", [124, 130, 143])
def test_who_waits_for_an_interrupted_command_does_not_wait_for_its_memory(status: int) -> None:
    assert _end_s("command", status) < _end_s("plain", status) / 2
