"""traceql collect, traceql doctor, and the sidecars that go with reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import command_line
import pytest
import systems
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from shipped import REPORTS

import traceql
from traceql.cli import cli
from traceql.errors import CollectError, RunFileError
from traceql.read import sidecar
from traceql.record import commands, doctor, environment, permissions, running, staging, tools

REPORT = REPORTS / "scv_baseline_vectorized.ncu-rep.xz"
MINIMAL: dict[str, Any] = {"format": "traceql-run", "version": 1}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return Path(shutil.copy(REPORT, tmp_path / "run.ncu-rep.xz"))


@pytest.mark.long
@pytest.mark.parametrize("given", [{}, {"OPENBLAS_NUM_THREADS": "3"}])
def test_what_is_profiled_computes_with_as_many_threads_as_it_would_elsewhere(given: dict[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    dry = command_line.process("collect", "nsys", "--dry-run", "--", "ls", environment={**inherited, **given})
    assert dry.returncode == 0, dry.stderr
    assert re.findall(r"OPENBLAS_NUM_THREADS=(\S+)", dry.stdout) == [*given.values()]


def beside(report: Path, content: object) -> Path:
    path = report.with_name("run.ncu-rep.run.json")
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def a_fake_tool(folder: Path, name: str, script: str) -> None:
    systems.needs_posix("scripts of a shell")
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# --- commands -------------------------------------------------------------------------------------------


def test_the_commands_have_the_defaults_that_keep_reports_small_and_clean(tmp_path: Path) -> None:
    result = run(
        "collect", "nsys", "--dry-run", "-o", "decode.nsys-rep", "--", "python", "a.py", "--trace", "x"
    )
    assert result.stdout.startswith("env -i ")
    assert result.stdout.rstrip().endswith(
        "nsys profile --trace=cuda,nvtx,cublas --sample=none --cpuctxsw=none "
        "--cuda-graph-trace=node --output=decode python a.py --trace x"
    )
    result = run("collect", "ncu", "--dry-run", "-o", "decode", "--metrics", "a.sum,b.sum", "python", "a.py")
    assert result.stdout.rstrip().endswith(
        "ncu --nvtx --import-sass=no --target-processes=all --clock-control=none --cache-control=all "
        "--graph-profiling=node --replay-mode=kernel --metrics=a.sum,b.sum --export=decode python a.py"
    )


def test_a_printed_command_replaces_a_report_only_where_that_is_asked_for() -> None:
    for tool, option in (("nsys", "--force-overwrite=true"), ("ncu", "--force-overwrite")):
        command = ["collect", tool, "--dry-run", "-o", "decode", "python", "a.py"]
        assert option not in run(*command).stdout
        assert option in run(*command[:3], "--force", *command[3:]).stdout


def test_every_option_of_a_profiler_reaches_it() -> None:
    command = ["nsys", "--dry-run", "--trace", "cuda", "--graph-trace", "graph", "--capture", "profiler-api"]
    said = run("collect", *command, "--repeat", 3, "--follow-forks", "--option=--sample=cpu", "ls").output
    for option in (
        "--trace=cuda ",
        "--cuda-graph-trace=graph",
        "--capture-range=cudaProfilerApi --capture-range-end=repeat:3",
        "--trace-fork-before-exec=true",
        "--sample=cpu",
    ):
        assert option in said
    command = [
        "ncu",
        "--dry-run",
        "--set",
        "roofline",
        "--capture",
        "profiler-api",
        "--nvtx-include",
        "layer/",
    ]
    command += ["--launch-count", "9", "--graph-profiling", "graph", "--cache-control", "none"]
    said = run("collect", *command, "--clock-control", "base", "--replay-mode", "application", "ls").output
    for option in ("--set=roofline", "--profile-from-start=off", "--nvtx-include=layer/", "--launch-count=9"):
        assert option in said
    for option in (
        "--graph-profiling=graph",
        "--cache-control=none",
        "--clock-control=base",
        "--replay-mode=application",
    ):
        assert option in said


def test_the_environment_is_clean_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    assert "secret" not in run("collect", "nsys", "--dry-run", "ls").output
    assert "API_TOKEN=secret" in run("collect", "nsys", "--dry-run", "--env", "API_TOKEN", "ls").output
    assert "DEPTH=2" in run("collect", "nsys", "--dry-run", "--env", "DEPTH=2", "ls").output
    assert not run("collect", "nsys", "--dry-run", "--all-env", "ls").output.startswith("env")
    with pytest.raises(CollectError, match="NOT_SET_ANYWHERE is not set"):
        environment.clean_environment(["NOT_SET_ANYWHERE"])


def test_reports_are_named_after_what_runs() -> None:
    for command, stem in (
        (["python3", "-m", "package.module", "--x"], "package_module_"),
        (["python", "-u", "dir/decode.py"], "decode_"),
        (["./build/kernel-bench", "--n", "3"], "kernel_bench_"),
    ):
        assert f"--output={stem}2" in run("collect", "nsys", "--dry-run", "--", *command).output


def test_numbered_reports_are_found_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"run.{number}.nsys-rep").touch()
    (tmp_path / "run_other.nsys-rep").touch()
    found = [path.name for path in staging.reports(tmp_path / "run", "nsys").values()]
    assert found == ["run.1.nsys-rep", "run.2.nsys-rep", "run.10.nsys-rep"]


def test_repeat_needs_starts_and_stops() -> None:
    result = run("collect", "nsys", "--repeat", 2, "--dry-run", "ls")
    assert result.exit_code == 2
    assert "--repeat needs --capture profiler-api" in result.output


# --- running --------------------------------------------------------------------------------------------


def test_a_recording_leaves_a_report_with_its_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_fake_tool(
        tmp_path,
        "nsys",
        'if [ "$1" = --version ]; then echo "NVIDIA Nsight Systems version 2025.3.1.90-1"; exit; fi\n'
        'for word; do case $word in --output=*) touch "${word#--output=}.nsys-rep";; esac; done; exit 7',
    )
    a_fake_tool(
        tmp_path, "nvidia-smi", 'echo "NVIDIA H200, 580.1, 143771, 345, 2619, 1980, 3201, 700.00, 31, 9.0"'
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    command = ["collect", "nsys", "-o", tmp_path / "x", "--tag", "batch=8", "--model", "llama", "--metric"]
    result = run(*command, "ms_per_token=5.5", "--", sys.executable, "a.py")
    # The report is there, and the status is the command's.
    assert result.exit_code == 7
    assert (tmp_path / "x.nsys-rep").exists()
    written = json.loads((tmp_path / "x.nsys-rep.run.json").read_text())
    assert written["profiler"] == {"name": "nsys", "version": "2025.3.1.90"}
    assert written["command"][0] == "nsys" and written["command"][-1] == "a.py"
    # Neither the folder of the report nor that of the interpreter is written down.
    assert f"--output={(tmp_path / 'x').name}" in written["command"]
    assert not any(str(folder) in word for word in written["command"] for folder in (tmp_path, sys.prefix))
    assert written["gpus"][0]["name"] == "NVIDIA H200" and written["gpus"][0]["max_sm_clock_mhz"] == 1980
    assert written["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    read = sidecar.read(tmp_path / "x.nsys-rep.run.json")
    assert {
        "batch": "8",
        "model": "llama",
        "driver": "580.1",
        "gpu": "NVIDIA H200",
    }.items() <= read.tags.items()
    assert [(m.name, m.unit, m.value) for m in read.runs.runs[0].metrics] == [("ms_per_token", "ms", 5.5)]
    assert read.warnings == ("The recorded command ended with status 7 (x.nsys-rep.run.json).",)
    # Twice only when asked for.
    again = run("collect", "nsys", "-o", tmp_path / "x", "ls")
    assert isinstance(again.exception, CollectError) and "exists already" in again.exception.message
    assert run("collect", "nsys", "-o", tmp_path / "x", "--force", "ls").exit_code == 7


def test_a_profiler_that_writes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_fake_tool(tmp_path, "ncu", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = run("collect", "ncu", "--capture", "profiler-api", "-o", tmp_path / "x", "ls")
    assert isinstance(result.exception, CollectError)
    assert "Did the program call cudaProfilerStart?" in result.exception.remedy


def test_without_the_profiler_the_message_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "_PLACES", {"nsys": (), "ncu": ()})
    with pytest.raises(CollectError, match="no nsys on the PATH") as error:
        tools.find("nsys")
    assert "developer.nvidia.com" in error.value.remedy


def test_a_run_out_of_time_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    said: list[str] = []
    outcome = running.run([sys.executable, "-c", code], {}, timeout_s=1, on_line=said.append)
    assert outcome.timed_out and outcome.status != 0
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(said[0]), 0)
            time.sleep(0.05)


def test_output_is_read_line_by_line_and_logged(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    code = "import sys; print('a'); print('b', file=sys.stderr, flush=True); sys.exit(3)"
    outcome = running.run([sys.executable, "-u", "-c", code], {}, on_line=said.append, log=log)
    assert (outcome.status, outcome.said, said) == (3, ("a", "b"), ["a", "b"])
    assert log.read_text() == "a\nb\n"


def test_a_process_that_keeps_the_output_open_does_not_keep_the_run_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "_SECONDS_TO_DRAIN", 0.2)
    began = time.monotonic()
    outcome = running.run(["/bin/sh", "-c", "sleep 5 & echo done"], {}, on_line=lambda _: None)
    assert outcome.status == 0 and outcome.said == ("done",)
    assert time.monotonic() - began < 4


def test_trouble_with_a_line_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where this runs as a background job, a shell ignores the first, polite signal.
    monkeypatch.setattr(running, "_SECONDS_TO_FINISH", 0.2)

    def refuse(line: str) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        running.run(["/bin/sh", "-c", "echo a; sleep 60"], {}, on_line=refuse)


def test_what_cannot_be_started_is_said() -> None:
    with pytest.raises(CollectError, match="cannot be started"):
        running.run(["/nowhere/x"], {})


# --- sidecars -------------------------------------------------------------------------------------------


@pytest.mark.long
def test_facts_and_tags_become_tags_and_numbers_become_run_metrics(report: Path) -> None:
    content = {
        **MINIMAL,
        "command": ["ncu", "python", "/home/somebody/private.py"],
        "gpus": [{"name": "NVIDIA H200", "driver": "580.1", "max_sm_clock_mhz": 1980, "temperature_c": 31}],
        "versions": {"torch": "2.11.0", "vllm": "0.26.0"},
        "model": "llama-3.1-8b",
        "tags": {"collector": "mine", "batch_size": 8},
        "runs": [
            {"tags": {"batch_size": 8}, "metrics": [{"name": "ms_per_token", "unit": "ms", "value": 6.5}]},
            {"metrics": [{"name": "drafts", "value": 3, "sample": 2}, {"name": "lost", "value": None}]},
        ],
    }
    beside(report, content)
    with traceql.open(":memory:") as db:
        stored = db.ingest(report, tags={"collector": "named at ingest"})
        assert stored.warnings == ()
        tags = db.sql("SELECT unnest(map_entries(tags), recursive := true) FROM traces").rows()
        assert dict(tags) == {
            "gpu": "NVIDIA H200",
            "driver": "580.1",
            "max_sm_clock_mhz": "1980",
            "torch": "2.11.0",
            "vllm": "0.26.0",
            "model": "llama-3.1-8b",
            "batch_size": "8",
            "collector": "named at ingest",
        }
        runs = db.sql("SELECT sweep, position, gpu, tags['trace'] AS trace, tags['model'] AS model FROM runs")
        assert runs.rows() == [
            ("run.run.json", 1, "H200", "run", "llama-3.1-8b"),
            ("run.run.json", 2, "H200", "run", "llama-3.1-8b"),
        ]
        metrics = db.sql("SELECT metric, unit, sample, value FROM run_metrics ORDER BY metric").rows()
        assert metrics == [
            ("drafts", "", 2, 3.0),
            ("lost", "", None, None),
            ("ms_per_token", "ms", None, 6.5),
        ]
        assert db.query("decode_sweep")["ms_per_token"].to_list() == [6.5]
        # The command stays out of the database.
        assert not [row for row in db.sql("FROM traces").rows() if "private" in str(row)]
        # Read again, they are there once; gone with their trace.
        beside(report, {**content, "tags": {"batch_size": 16}})
        db.ingest(report, replace=True)
        assert db.sql("SELECT count(*) FROM runs").item() == 2
        assert db.sql("SELECT tags['batch_size'] FROM traces").item() == "16"
        db.drop("run")
        assert db.sql("SELECT count(*) FROM runs").item() == 0
        assert db.sql("SELECT count(*) FROM run_metrics").item() == 0


def test_imported_runs_stay_when_a_trace_that_they_name_goes(report: Path, tmp_path: Path) -> None:
    from traceql.read import runs

    (tmp_path / "table.csv").write_text("trace,ms\nrun,1.5\n")
    with traceql.open(":memory:") as db:
        db.ingest(report)
        db.import_runs(runs.read(tmp_path / "table.csv"))
        db.drop("run")
        assert db.sql("SELECT value FROM run_metrics").item() == 1.5


def test_a_report_without_a_sidecar_is_as_before(report: Path) -> None:
    with traceql.open(":memory:") as db:
        assert db.ingest(report).warnings == ()
        assert db.sql("SELECT len(map_keys(tags)) FROM traces").item() == 0
        assert db.sql("SELECT count(*) FROM runs").item() == 0


def test_how_a_recording_ended_is_a_warning(report: Path) -> None:
    beside(report, {**MINIMAL, "timed_out": True, "exit_status": 1})
    with traceql.open(":memory:") as db:
        assert db.ingest(report).warnings == (
            "The recording was cut off by its time limit (run.ncu-rep.run.json).",
        )


DEEP = "[" * 100_000
HOSTILE = {
    "nothing": "",
    "not JSON": "{",
    "too deep": DEEP,
    "a list": "[]",
    "another format": '{"format": "x"}',
    "a newer version": {**MINIMAL, "version": 2},
    "tags that are no object": {**MINIMAL, "tags": ["a"]},
    "a tag that is an object": {**MINIMAL, "tags": {"a": {}}},
    "a tag that is too long": {**MINIMAL, "tags": {"a": "x" * 3_000}},
    "too many tags": {**MINIMAL, "tags": {str(n): "" for n in range(200)}},
    "a tag without a name": {**MINIMAL, "tags": {"": "x"}},
    "half a character": '{"format": "traceql-run", "version": 1, "tags": {"a": "\\ud800"}}',
    "runs that are no list": {**MINIMAL, "runs": {}},
    "a run that is no object": {**MINIMAL, "runs": [1]},
    "a metric without a name": {**MINIMAL, "runs": [{"metrics": [{"value": 1}]}]},
    "a value that is a text": {**MINIMAL, "runs": [{"metrics": [{"name": "a", "value": "1"}]}]},
    "a value that is true": {**MINIMAL, "runs": [{"metrics": [{"name": "a", "value": True}]}]},
    "a value beyond floats": {**MINIMAL, "runs": [{"metrics": [{"name": "a", "value": 10**400}]}]},
    "a sample that is none": {**MINIMAL, "runs": [{"metrics": [{"name": "a", "value": 1, "sample": 0}]}]},
    "a sample beyond BIGINT": {
        **MINIMAL,
        "runs": [{"metrics": [{"name": "a", "value": 1, "sample": 2**70}]}],
    },
    "GPUs that are texts": {**MINIMAL, "gpus": ["H200"]},
    "a model that is a number": {**MINIMAL, "model": 8},
    "too large": {**MINIMAL, "padding": "x" * sidecar.MAX_BYTES},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_sidecar_is_refused_in_a_sentence(name: str, report: Path) -> None:
    with pytest.raises(RunFileError, match=r"^run\.ncu-rep\.run\.json: ") as error:
        sidecar.read(beside(report, HOSTILE[name]))
    assert len(error.value.message) < 500
    assert error.value.remedy == "Correct or remove it; the report itself can be read without it."


def test_a_bad_sidecar_is_a_warning_and_the_report_still_comes_in(report: Path) -> None:
    beside(report, HOSTILE["a value that is a text"])
    with traceql.open(":memory:") as db:
        stored = db.ingest(report)
        assert stored.rows["kernels"] == 60
        assert stored.warnings == (
            "The sidecar was not used: run.ncu-rep.run.json: runs[0].metrics[0].value is not a number or nothing. "
            "Correct or remove it; the report itself can be read without it.",
        )
        assert db.sql("SELECT warnings FROM traces").item().to_list() == list(stored.warnings)
        assert db.sql("SELECT count(*) FROM runs").item() == 0


@pytest.mark.parametrize(
    "kind", ["folder", pytest.param("pipe", marks=systems.posix("named pipes")), "dangling link"]
)
def test_a_sidecar_that_is_no_file_is_said_and_not_waited_for(kind: str, report: Path) -> None:
    path = report.with_name("run.ncu-rep.run.json")
    {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "dangling link": lambda: path.symlink_to("nowhere"),
    }[kind]()
    with traceql.open(":memory:") as db:
        (warning,) = db.ingest(report).warnings
    assert "run.ncu-rep.run.json: not a file" in warning


def test_names_in_a_sidecar_are_data_and_nothing_else(report: Path) -> None:
    nasty = "'); DROP TABLE traces; --"
    beside(report, {**MINIMAL, "tags": {nasty: nasty}, "runs": [{"metrics": [{"name": nasty, "value": 1}]}]})
    with traceql.open(":memory:") as db:
        db.ingest(report)
        assert db.sql("SELECT map_keys(tags)[1] FROM traces").item() == nasty
        assert db.sql("SELECT metric FROM run_metrics").item() == nasty


def test_not_a_number_stays_absent(report: Path) -> None:
    text = '{"format": "traceql-run", "version": 1, "runs": [{"metrics": [{"name": "a", "value": NaN}]}]}'
    found = sidecar.read(beside(report, text))
    assert found.runs.runs[0].metrics[0].value is None


TEXTS = st.sampled_from(["", "a", "name", "value", "sample", "metrics", "tags", "x" * 300, "\ud800"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.long
@given(st.dictionaries(st.sampled_from(["tags", "runs", "gpus", "versions", "model", "exit_status"]), JSON))
def test_whatever_a_sidecar_holds_it_is_read_or_refused(
    tmp_path_factory: Any, content: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("sidecar") / "x.run.json"
    path.write_text(json.dumps({**MINIMAL, **content}))
    try:
        found = sidecar.read(path)
    except RunFileError:
        return
    assert all(isinstance(text, str) for pair in found.tags.items() for text in pair)


# --- doctor ---------------------------------------------------------------------------------------------


def test_the_doctor_says_what_is_missing_for_what_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "_PLACES", {"nsys": (), "ncu": ()})
    monkeypatch.setattr(permissions, "DRIVER_PARAMETERS", tmp_path / "none")
    result = run("doctor", "-f", "json")
    assert result.exit_code == 0
    assert run("doctor", "--recording").exit_code == 1
    found = {check["name"]: check for check in json.loads(result.output)}
    assert found["duckdb"]["ok"] and found["duckdb"]["version"]
    for name in ("nsys", "ncu", "gpu", "hardware counters", "vllm", "chromium"):
        assert not found[name]["ok"] and found[name]["remedy"], name
    told = run("doctor").output
    assert "missing  nsys" in told
    reading, recording = told.split("\n\n")
    assert reading.startswith("Reading reports: has all that it needs\n") and "duckdb" in reading
    assert recording.startswith("Recording on this machine: lacks nsys, ncu, gpu, hardware counters\n")


def test_what_is_missing_for_reading_decides_the_status_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor._package
    monkeypatch.setattr(doctor, "_package", lambda name: None if name == "polars" else real(name))
    for words in ((), ("--recording",), ("-f", "json")):
        result = run("doctor", *words)
        assert result.exit_code == 1, result.output
    assert "Reading reports: lacks polars" in run("doctor").output


def test_the_doctor_is_content_with_a_machine_that_has_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("nsys", "ncu"):
        a_fake_tool(tmp_path, tool, 'echo "Version 2025.3.1.0"')
    a_fake_tool(
        tmp_path, "nvidia-smi", 'echo "NVIDIA H200, 580.1, 143771, 345, 2619, 1980, 3201, 700.00, 31, 9.0"'
    )
    (tmp_path / "params").write_text("RmProfilingAdminOnly: 0\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(permissions, "DRIVER_PARAMETERS", tmp_path / "params")
    result = run("doctor", "--recording")
    assert result.exit_code == 0, result.output
    assert "NVIDIA H200 (driver 580.1)" in result.output
    # NVIDIA's library is for what traceql refuses: nothing is missing without it.
    real = doctor._package
    monkeypatch.setattr(doctor, "_package", lambda name: None if name == "ncu-report" else real(name))
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "missing  ncu-report" in result.output
    assert "pip install 'traceql[ncu]'" in result.output


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        ("000001ffffffffff", "by CAP_SYS_ADMIN, CAP_PERFMON"),
        ("0000000000200000", "by CAP_SYS_ADMIN"),
        ("0000004000000000", "by CAP_PERFMON"),
        # Root in a container, as docker starts it.
        ("00000000a80425fb", None),
    ],
)
def test_counters_for_administrators_need_a_capability_and_root_alone_is_not_enough(
    capabilities: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters, status = tmp_path / "params", tmp_path / "status"
    parameters.write_text("RmProfilingAdminOnly: 1\n")
    status.write_text(f"Name:\tpython\nCapEff:\t{capabilities}\n")
    monkeypatch.setattr(permissions, "container", lambda: "docker")
    check = doctor._counters(parameters, status)
    assert check.ok == (said is not None)
    if said:
        assert check.version == said
    else:
        assert "docker run --cap-add=SYS_ADMIN" in check.remedy and "ERR_NVGPUCTRPERM" in check.remedy


def test_the_command_line_reports_a_missing_tool_without_a_traceback(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "collect", "nsys", "-o", tmp_path / "x", "ls"],
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: no nsys on the PATH")


@pytest.mark.parametrize(
    ("mode", "said"), [("kernel", True), ("application", True), ("range", False), ("app-range", False)]
)
def test_replayed_ranges_begin_at_the_calls_without_an_option(mode: str, said: bool) -> None:
    built = commands.ncu_command(["./x"], Path("r"), capture="profiler-api", replay_mode=mode)
    assert ("--profile-from-start=off" in built) is said
