"""What of Windows and macOS can be shown on any system: nothing is asked of Python that is not there."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command_line import ENVIRONMENT
from shipped import REPORTS

import traceql

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "check.yml"
# What Python has on POSIX systems only (docs.python.org, "Availability: Unix").
MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
NAMES = {
    "os": {
        *(
            "fork",
            "forkpty",
            "killpg",
            "setsid",
            "getpgid",
            "setpgid",
            "getuid",
            "geteuid",
            "getgid",
            "getegid",
        ),
        *(
            "chown",
            "fchmod",
            "fchown",
            "lchown",
            "mkfifo",
            "mknod",
            "nice",
            "uname",
            "wait",
            "waitid",
            "wait3",
        ),
        *("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "statvfs", "set_blocking"),
        *("getloadavg", "sched_getaffinity", "sysconf", "pipe2", "openpty", "pread", "pwrite", "posix_spawn"),
    },
    "signal": {
        *("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGSTOP", "SIGCONT"),
        *("alarm", "setitimer", "pause", "sigwait", "pthread_sigmask", "pthread_kill"),
    },
    "socket": {"AF_UNIX", "SOCK_SEQPACKET", "send_fds", "recv_fds"},
    "time": {"tzset"},
}
# Run in a process without them: every module is imported, and what a user does first is done.
WITHOUT = f"""
import importlib, json, os, pkgutil, signal, sys

# What traceql stands on may have its own ways on each system.
import altair, click, duckdb, jinja2, msgspec, numpy, polars, pyarrow, pyarrow.parquet, rich, subprocess, vl_convert
import mcp.server.stdio, uvicorn

for name in {MODULES}:
    sys.modules[name] = None
for module, names in {NAMES}.items():
    for name in names:
        # What Python's own modules take from there each time, or ask for on this system, stays.
        kept = {{"O_CLOEXEC", "O_NOFOLLOW", "AF_UNIX", "SIGKILL", "pread", "sysconf", "set_blocking", "statvfs"}}
        if name not in kept:
            vars(importlib.import_module(module)).pop(name, None)
import traceql

for module in pkgutil.walk_packages(traceql.__path__, "traceql."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from traceql.cli import main

for command in json.loads(sys.argv[1]):
    sys.argv[1:] = command
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{{command}}: {{end.code}}")
"""
# Names that Windows gives to devices, with any suffix.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def without_posix(*commands: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Commands where Python has nothing of POSIX's own, and every text file names its encoding."""
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTHONWARNDEFAULTENCODING": "1"}
    # Of traceql alone: what it stands on may do as it likes.
    blamed = [f"-Werror::EncodingWarning:{name}" for name in ("traceql", *_modules())]
    return subprocess.run(
        [sys.executable, *blamed, "-c", WITHOUT, json.dumps(commands)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def _modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(traceql.__path__, "traceql.")]


@pytest.mark.long
def test_a_report_is_read_asked_and_drawn_without_anything_of_posix(tmp_path: Path) -> None:
    report = REPORTS / "scv_baseline_vectorized.ncu-rep.xz"
    ended = without_posix(
        ("ingest", str(report), "--name", "run"),
        ("query", "dram-traffic", "-o", "answer.csv"),
        ("chart", "dram-traffic", "-o", "chart.svg"),
        ("report", "run", "-o", "report.html"),
        ("info", "run"),
        ("diff", "run", "run", "--save", "differences.json"),
        ("tag", "run", "mode=baseline"),
        ("drop", "run"),
        folder=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    assert {file.name for file in tmp_path.iterdir()} >= {"answer.csv", "chart.svg", "report.html"}
    assert b"\r" not in (tmp_path / "answer.csv").read_bytes()


@pytest.mark.long
def test_what_posix_alone_has_is_used_only_after_asking_for_the_system() -> None:
    unasked = []
    words = re.compile(
        rf"\b({'|'.join([*MODULES, *(name for names in NAMES.values() for name in names)])})\b"
    )
    for path in sorted((ROOT / "traceql").rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        if words.search(code):
            unasked += [f"{path.relative_to(ROOT)}: {use}" for use in _unasked(code)]
    assert unasked == []


@pytest.mark.long
def test_a_file_of_tests_can_be_imported_on_every_system() -> None:
    # A test may be left out on one; what is asked of Python while its file is imported is asked everywhere.
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(ROOT)}: {use}" for use in _used_at_import(code)]
    assert found == []


def test_what_a_decorator_asks_for_is_asked_when_the_file_is_imported() -> None:
    code = "import {}\n@mark([signal.SIGHUP])\ndef f():\n    import pty\n    os.killpg(1, 2)"
    assert _used_at_import(code.format("resource")) == ["resource", "signal.SIGHUP"]
    assert _used_at_import("if __name__ == '__main__':\n    import resource") == []


def _used_at_import(code: str) -> list[str]:
    """What a file takes from POSIX outside of its functions."""
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if not ast.unparse(node).startswith("if __name__ == ")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = []
    return _unasked_in(tree)


def test_a_use_that_asks_for_nothing_is_found() -> None:
    assert _unasked("import fcntl") == ["fcntl"]
    assert _unasked("def f():\n    os.killpg(1, signal.SIGKILL)") == ["os.killpg", "signal.SIGKILL"]
    assert _unasked("def f():\n    if hasattr(os, 'killpg'):\n        os.killpg(1, 2)") == []
    assert (
        _unasked("def f():\n    try:\n        os.sysconf('x')\n    except AttributeError:\n        pass")
        == []
    )
    assert _unasked("def f():\n    if sys.platform == 'win32':\n        return\n    import fcntl") == []


def _unasked(code: str) -> list[str]:
    """What a module takes from POSIX in a function, or outside of all, that never asks where it runs."""
    return _unasked_in(ast.parse(code))


def _unasked_in(tree: ast.Module) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    asking = [
        node
        for node in functions
        if re.search(
            r"\bsys\.platform\b|\bos\.name\b|\bhasattr\(|except .*\bAttributeError\b", ast.unparse(node)
        )
    ]
    excused = {id(inner) for node in asking for inner in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in excused:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Attribute):
            module = ast.unparse(node.value)
            found += [f"{module}.{node.attr}"] if node.attr in NAMES.get(module, ()) else []
    return found


def test_what_is_written_as_text_says_its_encoding_and_its_line_ends() -> None:
    # Otherwise a text file has other line ends on Windows.
    silent = []
    for path in sorted((ROOT / "traceql").rglob("*.py")):
        calls = re.findall(r"\.write_text\(.*\)", path.read_text(encoding="utf-8"))
        silent += [call for call in calls if "encoding=" not in call or "newline=" not in call]
    assert silent == []


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_system_of_another_encoding_is_told_everything_in_utf_8(tmp_path: Path, encoding: str) -> None:
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    for command in (["query", "--help"], ["info", "→"]):
        ended = subprocess.run(
            [sys.executable, "-m", "traceql", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = (ended.stdout + ended.stderr).decode()
        assert "Traceback" not in said
        assert "…" in said if command[-1] == "--help" else "→: no such file, and there is no database" in said


def test_every_file_of_the_project_can_lie_on_every_system() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout
    files = [name for name in listed.split("\0") if name]
    assert len(files) > 500
    for name in files:
        assert not re.search(r'[<>:"\\|?*\x00-\x1f]', name), name
        for part in name.split("/"):
            assert part.partition(".")[0].lower() not in RESERVED, name
            assert not part.endswith((".", " ")), name
        # Windows takes 260 characters, with the folder that the project lies in.
        assert len(name) < 160, name
    # Two names that differ in case alone are one file on macOS and Windows.
    assert len({name.lower() for name in files}) == len(files)


# --- continuous integration -----------------------------------------------------------------------------


def test_the_workflow_runs_the_check_on_the_systems_and_pythons_that_the_package_names() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    (pythons,) = re.findall(r"python: \[(.*)\]", text)
    assert re.findall(r'"(.*?)"', pythons) == named
    assert project["requires-python"] == f">={named[0]}"
    assert set(re.findall(r"system: \[(.*)\]", text)) == {"ubuntu-latest, macos-latest, windows-latest"}
    assert "PYTHON=python ./check --all" in text
    assert os.access(ROOT / "check", os.X_OK)


def test_the_workflow_asks_for_little_and_pins_what_it_fetches() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    jobs = re.findall(r"^  ([\w-]+):\n    name: ", text, re.MULTILINE)
    assert {"check", "size"} <= set(jobs)
    assert len(jobs) == text.count("timeout-minutes:")
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
    assert "secrets" not in text
    for action in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"actions/[\w-]+@v\d+\.\d+\.\d+", action)


def test_the_commands_of_the_workflow_exist(tmp_path: Path) -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    shown = re.findall(r"^ +traceql (\w+) .*$", text, re.MULTILINE)
    assert shown == ["ingest", "query", "chart", "report"]
    files = re.findall(r"tests/\S+", text)
    assert files
    assert all((ROOT / name).exists() for name in files)
    scripts = re.findall(r"<<'END'\n(.*?)^ +END$", text, re.DOTALL | re.MULTILINE)
    assert len(scripts) == 1
    indented = scripts[0].splitlines()
    ast.parse("\n".join(line[10:] for line in indented))
