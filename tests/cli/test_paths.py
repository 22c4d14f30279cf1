"""Paths that lead nowhere, or to something else: one line says so, and nothing is changed; whatever option they are of."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click
import pytest
from command_line import traceql
from made.nsys import Recording, kernel
from shipped import MODELS, REPORTS

from traceql import Database
from traceql.cli import cli
from traceql.server.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and devices as POSIX has them")

DIGITS = "9" * 5000
REPORT = str(REPORTS / "llama_eager.nsys-rep.xz")
SIZES = "--m 1 --n 1 --k 1"
CONFIG = f"--config {MODELS / 'llama-3.1-8b.json'}"
# Command of predict → what it cannot do without.
PREDICTED = {
    "capacity": f"--gpu h200 {CONFIG}",
    "decode": f"--gpu h200 {CONFIG}",
    "gemm": f"--gpu h200 {SIZES}",
    "kinds": f"{CONFIG} --context 1",
    "layers": f"{CONFIG} --tokens 1",
    "linear": "--gpu h200 --in 1 --out 1",
    "prefill": f"--gpu h200 {CONFIG} --tokens 1",
    "throughput": f"--gpu h200 {CONFIG}",
}

# What is read, as X. Whatever takes --db takes it as --db X, too.
READ = (
    "ingest X", "info X", "rename X other", "drop X", "import-runs X", "export X -o run.pftrace", "redact X", "view X",
    "why X", "why run --model X", "kernel-card gemm --trace X", "sql --trace X 'SELECT 1'", "query top-kernels X",
    "query top-kernels --trace X", "chart kernels X -o run.svg", "diff X run", "diff run other --gate X", "check X",
    "check regression --baseline X --variant run", "report X -o run.html", "--queries X ls", "view run --ui X",
    "mcp --root X", "predict capacity --gpu h200 --config X", "predict decode --gpu h200 --config X",
    "predict kinds --config X", "predict layers --gpu h200 --config X", "predict prefill --gpu h200 --config X",
    "predict throughput --gpu h200 --config X", "baseline set main X", "sql --file X",
)  # fmt: skip
OF_DATABASES = (
    "ls", "info run", "tag run a=b", "rename run new", "drop run", "drop-runs sweep", "compact", "why run", "sql 'SELECT 1'",
    "kernel-card gemm", "query top-kernels", "chart kernels -o run.svg", "diff run other", "report run -o run.html",
    "check regression --baseline run --variant other", "export run -o run.pftrace", "baseline list",
    "baseline drop main", "baseline set main run", "import-runs runs.csv", f"ingest {REPORT}", "mcp", "view run",
    *(f"predict {name} {PREDICTED[name]} --measured sweep" for name in ("decode", "gemm", "linear", "prefill", "throughput")),
)  # fmt: skip
# What is written, as X, with the end that its name must have.
WRITTEN = (
    ("ls -o X", ""), ("schema -o X", ""), ("query top-kernels -o X", ""), ("query top-kernels --format parquet -o X", ""),
    ("sql 'SELECT 1' -o X", ""), ("info run -o X", ""), ("why run -o X", ""), ("kernel-card gemm -o X", ""),
    ("diff run other -o X", ""), ("diff run other --save X", ""), ("diff run other --gate 5% --junit X", ""),
    ("diff run other --gate 5% --markdown X", ""), ("check budget --variant run -o X", ""), ("gpu h200 -o X", ""),
    ("chart kernels -o X", ".svg"), ("report run -o X", ".html"), ("export run -o X", ".pftrace"),
    ("export run -o X", ".speedscope.json"), ("redact run.duckdb -o X", ""), (f"redact {REPORT} -o X", ""),
    ("baseline list -o X", ""), *((f"predict {name} {words} -o X", "") for name, words in PREDICTED.items()),
    ("""ask chart --json '{"question": "top_kernels"}' -o X""", ".png"),
)  # fmt: skip
# Of what is asked in JSON a test is below; what is recorded takes fakes of profilers and GPUs: tests/record/test_collectors.py.
ELSEWHERE = {"ask": {"--db"}, "collect": {"--out", "--output"}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    with Database(folder / "traces.duckdb") as database:
        for name in ("run", "other"):
            Recording().range("step", 0, 10).work(kernel("gemm", 0, 7)).store(database, name)
    with Database(folder / "run.duckdb") as database:
        Recording().work(kernel("gemm", 0, 7)).store(database, "run")
    (folder / "runs.csv").write_text("batch,latency_ms\n1,2.5\n")
    (folder / "file").write_text("nothing")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    for _, end in (*WRITTEN, ("", "")):
        if not os.path.lexists(folder / f"circle{end}"):
            (folder / f"circle{end}").symlink_to(f"circle{end}")
    return folder


def refused(home: Path, command: str, path: str) -> str:
    """What is said of a path, in one line that names it; nothing is changed by it."""
    words = [word.replace("X", path) for word in shlex.split(command)]
    before = _state(home)
    done = traceql(*words, folder=home)
    said = [line for line in done.stderr.splitlines() if line.lower().startswith("error: ")]
    assert done.returncode in (1, 2) and len(said) == 1, (command, path[:20], done)
    assert len(said[0]) < 500 or done.returncode == 2, (command, len(said[0]))
    assert "Traceback" not in done.stderr
    assert _state(home) == before
    return said[0]


def _state(home: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(home)): path.read_bytes() if path.is_file() else None
        for path in home.rglob("*")
        if not path.name.endswith(".wal")
    }


@pytest.mark.parametrize("command", READ)
def test_a_path_that_leads_nowhere_is_said_to(home: Path, command: str) -> None:
    for path in (DIGITS, "circle", "file/inside"):
        refused(home, command, path)


@pytest.mark.parametrize("command", OF_DATABASES)
def test_a_database_that_cannot_be_there_is_said_to_be_none(home: Path, command: str) -> None:
    for path in (DIGITS, "circle", "file/inside"):
        refused(home, f"{command} --db X", path)


@pytest.mark.parametrize(
    "command",
    [one for one in READ if one.split()[0] in ("info", "why", "import-runs", "check", "redact", "predict")],
)
def test_a_pipe_is_not_waited_for_where_a_file_is_read(home: Path, command: str) -> None:
    refused(home, command, "pipe")


@pytest.mark.parametrize(("command", "end"), WRITTEN, ids=[command for command, _ in WRITTEN])
def test_what_cannot_be_written_is_said(home: Path, command: str, end: str) -> None:
    for path in (f"{DIGITS}{end}", f"folder/{'9' * 300}{end}", f"file/inside{end}"):
        refused(home, command, path)
    if not end:
        refused(home, command, "circle")
        assert "No space left" in refused(home, command, "/dev/full") or "redact" in command
        if "redact" not in command:
            # There it means a file in the folder.
            refused(home, command, "folder")


def commands(
    group: click.Command, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    # Each question and chart has the options of all.
    if isinstance(group, click.Group) and words not in (("query",), ("chart",)):
        context = click.Context(group)
        for name in group.list_commands(context):
            if command := group.get_command(context, name):
                yield from commands(command, (*words, name))


def test_every_option_that_takes_a_path_is_in_a_line_above() -> None:
    lines = [*READ, *(f"{command} --db X" for command in OF_DATABASES), *(command for command, _ in WRITTEN)]
    for words, command in commands(cli):
        of_paths = [one for one in command.params if isinstance(one.type, click.Path | click.File)]
        for param in of_paths:
            name = param.opts[-1]
            if words and name in ELSEWHERE.get(words[0], set()):
                continue
            wanted = {*param.opts} if isinstance(param, click.Option) else set()
            said = [
                line
                for line in lines
                if line.split()[: len(words)] == list(words) and (not wanted or wanted & {*line.split()})
            ]
            assert said, f"traceql {' '.join(words)} {name}"


@pytest.mark.parametrize("path", [DIGITS, "circle", "file/inside", "a\0b"], ids=len)
def test_tools_say_in_json_what_is_wrong_with_a_path(home: Path, path: str) -> None:
    before = _state(home)
    with Database(home / "traces.duckdb") as database:
        reply = Tools(database, roots=[home]).call("ingest", {"path": f"{home}/{path}"})
    assert reply.is_error and reply.content["error"]["code"] in ("parameter", "report")
    if "\0" not in path:
        done = traceql("ask", "list_traces", "--db", path, folder=home)
        assert done.returncode in (1, 2) and len(done.stdout + done.stderr) < 6000
    assert _state(home) == before


def test_a_gate_is_percent_or_a_file(home: Path) -> None:
    for number in ("5", "2.5", DIGITS):
        said = refused(home, "diff run other --gate X", number)
        assert said.endswith(": neither a percentage nor a file of gates")
    (home / "7").write_text("[[gate]]\npct = 'no number'\n")
    assert "neither a percentage" not in refused(home, "diff run other --gate X", "7")


def test_sql_that_is_not_unicode_is_refused_in_our_words(home: Path) -> None:
    assert refused(home, "sql X", "SELECT '\udcff'") == "error: the SQL is not Unicode"
    assert refused(home, "query top-kernels --trace X", "\udcff").startswith("error: no trace is called")
