"""How a command's process ends: in silence from its first moment on, and without waiting for its memory."""

from __future__ import annotations

import json
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


# Ends with much memory, as a command does or as any process does.
LARGE = """
import mmap, os, sys
from traceql.cli import leave
held = mmap.mmap(-1, 600 << 20)
held.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(held), 4096):
    held[at] = 1
if sys.argv[1] == "command":
    leave.with_status(int(sys.argv[2]))
os._exit(int(sys.argv[2]))
"""
# Waits for a command, and then for whoever that left behind: [process, status, most memory in KiB].
WAITING = """
import ctypes, json, os, sys
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
begun = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, used = os.wait4(begun, 0)
ended = [["command", os.waitstatus_to_exitcode(status), used.ru_maxrss]]
while True:
    try:
        _, status, used = os.wait4(-1, 0)
    except ChildProcessError:
        break
    ended.append(["left", os.waitstatus_to_exitcode(status), used.ru_maxrss])
print(json.dumps(ended))
"""


def _ended(how: str, status: int) -> list[tuple[str, int]]:
    """Who ended, in order, each of them with all of the memory."""
    found = json.loads(ran(WAITING, "-c", LARGE, how, str(status)).stdout)
    assert all(most_kib > 600 << 10 for _, _, most_kib in found)
    return [(who, status) for who, status, _ in found]


@pytest.mark.long
@systems.linux("a process that shares another one's memory")
@pytest.mark.parametrize("status", [124, 130, 143])
def test_who_waits_for_an_interrupted_command_does_not_wait_for_its_memory(status: int) -> None:
    """The system frees memory with the last who has it: somebody still has it when the command has ended."""
    left = ("left", 0)
    assert _ended("command", status) == [("command", status), left]
    assert _ended("plain", status) == [("command", status)]
    assert _ended("command", 0) == [("command", 0)]
