"""Collectors that go on where another run was cut off, and what they take for measured."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fake_profilers
import pytest
import systems

import traceql
from collectors import kept, lock, memory_hierarchy, process
from collectors.stages import Point, Stage
from collectors.windows import Windows
from collectors.worker import MARK, NotHereError
from traceql.errors import CollectError
from traceql.record.running import Outcome

ROOT = Path(__file__).parents[2]
FAKE_GPU = ROOT / "tests/record/fake_gpu"


@pytest.fixture(scope="module")
def bin_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    fake_profilers.install(folder)
    return folder


@pytest.fixture
def machine(bin_: Path) -> Any:
    yield {"PATH": f"{bin_}:/usr/bin:/bin", "HOME": str(bin_), "PYTHONPATH": str(FAKE_GPU)}
    (bin_ / "mode").unlink(missing_ok=True)


def command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"collectors.{name}", *map(str, arguments)]


def collect(
    name: str, *arguments: object, env: dict[str, str], status: int = 0
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command(name, *arguments), cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result


def sweep(out: Path, *arguments: object, env: dict[str, str], status: int = 0) -> str:
    options = ("--output-len", 8, "--warmup", 0, "--repeats", 1, "--out", out)
    return collect("vllm_decode_sweep", *options, *arguments, env=env, status=status).stderr


def rows(out: Path, *names: str) -> list[tuple[str, ...]]:
    with (out / "decode_sweep.csv").open(newline="") as file:
        return [tuple(row[name] for name in names) for row in csv.DictReader(file)]


def reports(out: Path) -> list[str]:
    return sorted(path.name for path in out.glob("*.nsys-rep"))


# --- what counts as measured ----------------------------------------------------------------------------


@pytest.mark.long
def test_rows_keep_their_own_facts_and_other_settings_are_not_there(
    machine: dict[str, str], tmp_path: Path
) -> None:
    sweep(tmp_path, "--batches", "1,2", env=machine)
    said = sweep(tmp_path, "--batches", "1,2", "--input-len", 256, env=machine)
    assert "decode: 2 points measured with other settings.input_len: once more\n" in said
    sweep(tmp_path, "--batches", "2,4", "--model", "nemotron-3-nano-4b", env=machine)
    # A table holds all that its stage has measured.
    assert rows(tmp_path, "model", "batch_size", "input_len") == [
        ("llama-3.1-8b", "1", "128"),
        ("llama-3.1-8b", "1", "256"),
        ("llama-3.1-8b", "2", "128"),
        ("llama-3.1-8b", "2", "256"),
        ("nemotron-3-nano-4b", "2", "128"),
        ("nemotron-3-nano-4b", "4", "128"),
    ]
    # And the first are there still.
    assert "decode: all points are there already\n" in sweep(tmp_path, "--batches", "1,2", env=machine)


def test_whatever_changes_a_result_changes_its_digest() -> None:
    stage = Stage(
        "decode", [], settings={"input_len": 128, "largest": 8}, follows=("largest",), model="llama"
    )
    facts: dict[str, Any] = {
        "gpus": [{"name": "NVIDIA H200", "driver": "580.1", "power_limit_w": 700.0, "temperature_c": 31}],
        "versions": {"vllm": "0.26.0"},
        "profiler": {"name": "nsys", "version": "2025.3"},
    }

    def digest(
        changed: dict[str, Any] | None = None,
        of: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
    ) -> str:
        made = Stage(**{**{name: getattr(stage, name) for name in stage.__dataclass_fields__}, **(of or {})})
        return kept.digest(
            kept.made_by(made, ["A"], {"A": "1", **(variables or {})}, {**facts, **(changed or {})})
        )

    gpu = facts["gpus"][0]
    same = digest()
    for changed in (
        {"gpus": [{**gpu, "driver": "580.10"}]},
        {"gpus": [{**gpu, "power_limit_w": 500.0}]},
        {"gpus": [gpu, gpu]},
        {"versions": {"vllm": "0.26.1"}},
        {"profiler": {"name": "nsys", "version": "2025.4"}},
    ):
        assert digest(changed) != same, changed
    for of in ({"settings": {"input_len": 256}}, {"model": "qwen"}, {"profiler": {"trace": "cuda"}}):
        assert digest(of=of) != same, of
    for variables in ({"A": "2"}, {"NCCL_ALGO": "Ring"}, {"CUDA_VISIBLE_DEVICES": "1"}):
        assert digest(variables=variables) != same, variables
    # A warmer GPU, room for more points, and where a launcher put it are the same.
    assert digest({"gpus": [{**gpu, "temperature_c": 60}]}) == same
    assert digest(of={"settings": {"input_len": 128, "largest": 16}}) == same
    assert digest(variables={"SLURM_JOB_ID": "8", "HOME": "/root"}) == same


def test_a_secret_of_the_environment_is_not_written_down() -> None:
    by = kept.made_by(Stage("a", []), ["HF_TOKEN"], {"HF_TOKEN": "hf_x"}, {"gpus": [], "versions": {}})
    assert by["environment"] == {"HF_TOKEN": "***"}


def test_what_a_result_was_measured_by_is_handed_on_without_folders_and_secrets(tmp_path: Path) -> None:
    by = {"settings": {"model": "/home/ada/llama", "engine": {"hf_token": "hf_x"}}, "model": "llama"}
    results = kept.Kept(tmp_path, STAGE, by)
    results.add(GOOD, Point("batch_1"))
    text = (tmp_path / "decode.jsonl").read_text()
    assert "ada" not in text and "hf_x" not in text and '"model": "llama"' in text
    # What differs in them differs all the same.
    elsewhere = {**by, "settings": {**by["settings"], "model": "/srv/llama"}}  # type: ignore[dict-item]
    assert kept.Kept(tmp_path, STAGE, elsewhere).digest != results.digest


@pytest.mark.long
def test_a_sweep_of_speculative_decoding_holds_what_its_config_says(
    machine: dict[str, str], tmp_path: Path
) -> None:
    options = ("--batches", 1, "--mode", "b=off", "--out", tmp_path)
    collect("vllm_specdec", "--requests", 2, "--output-len", 8, *options, env=machine)
    collect("vllm_specdec", "--requests", 4, "--output-len", 16, *options, env=machine)
    sweep_ = json.loads((tmp_path / "specdec.json").read_text())
    (result,) = sweep_["results"]
    assert round(result["tokens_per_s"] * result["latency_s"]) == 64
    assert sweep_["config"]["requests"] * sweep_["config"]["output_len"] == 64


# --- torn lines -----------------------------------------------------------------------------------------


STAGE = Stage("decode", [Point("batch_1"), Point("batch_2")], table="decode_sweep", model="llama")
GOOD = {
    "point": "batch_1",
    "ok": True,
    "tags": {"batch_size": "1"},
    "metrics": [{"name": "ms", "value": 1.5}],
}


@pytest.mark.parametrize(
    "torn",
    [
        b'{"point": "batch_2", "ok": tr',
        b"{}\n",
        b"7\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        b'{"point": 3}\n',
        b'{"point": "a", "ok": true, "tags": {}, "metrics": [], "by": 7}\n',
        b'{"point": "a", "ok": true, "tags": {}, "metrics": [], "by": {"gpus": [7]}}\n',
        b'{"point": "a", "ok": true, "tags": {}, "metrics": [], "asked": []}\n',
        b'{"point": "a", "ok": true, "tags": {}, "metrics": [{"name": "ms", "value": "1"}]}\n',
        b"\0\0\n",
    ],
    ids=lambda torn: ascii(torn[-24:]),
)
def test_a_line_that_is_no_result_is_set_aside_and_swallows_nothing(torn: bytes, tmp_path: Path) -> None:
    (tmp_path / "decode.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n" + torn)
    results = kept.Kept(tmp_path, STAGE, {"model": "llama"})
    assert results.set_aside() == 1
    assert (tmp_path / "decode.rejected").read_bytes() == torn.rstrip(b"\n") + b"\n"
    results.add({**GOOD, "point": "batch_2"}, Point("batch_2"))
    found, bad = kept.lines(tmp_path / "decode.jsonl")
    assert [result["point"] for result in found] == ["batch_1", "batch_2"] and bad == []
    assert results.set_aside() == 0


def test_a_last_line_without_its_end_is_a_result_and_ends_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "decode.jsonl").write_text(json.dumps(GOOD))
    results = kept.Kept(tmp_path, STAGE, {})
    assert results.set_aside() == 0 and not (tmp_path / "decode.rejected").exists()
    results.add({**GOOD, "point": "batch_2"}, Point("batch_2"))
    assert len(kept.lines(tmp_path / "decode.jsonl")[0]) == 2


@systems.posix("limits of processes")
def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = kept.Kept(tmp_path, STAGE, {})
    results.add(GOOD, Point("batch_1"))
    before = (tmp_path / "decode.jsonl").read_bytes()
    # As many bytes as fit: half a line more.
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(CollectError, match=r"decode\.jsonl: cannot be written"):
            results.add({**GOOD, "point": "batch_2"}, Point("batch_2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "decode.jsonl").read_bytes() == before


def test_what_json_has_no_word_for_is_absent(tmp_path: Path) -> None:
    results = kept.Kept(tmp_path, STAGE, {})
    results.add({**GOOD, "metrics": [{"name": "ms", "value": float("nan")}]}, Point("batch_1"))
    assert "NaN" not in (tmp_path / "decode.jsonl").read_text()
    assert rows(tmp_path, "ms") == [("",)]


def test_what_follows_a_result_in_its_line_does_not_lose_it() -> None:
    assert process._result(f"progress 3/4 {MARK}" + '{"point": "a"} INFO more') == {"point": "a"}


# --- windows --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_lost_window_loses_and_renames_no_other(
    machine: dict[str, str], bin_: Path, tmp_path: Path
) -> None:
    (bin_ / "mode").write_text("lose 1")
    said = sweep(tmp_path, "--batches", "1,2,4", "--nsys", env=machine, status=1)
    assert reports(tmp_path) == ["decode_nsys_batch_2.nsys-rep", "decode_nsys_batch_4.nsys-rep"]
    assert "failed: decode_nsys: batch_1: nsys wrote no report" in said and "batch_2:" not in said
    for batch in ("2", "4"):
        beside = json.loads((tmp_path / f"decode_nsys_batch_{batch}.nsys-rep.run.json").read_text())
        assert (
            beside["tags"]["batch_size"] == batch
            and beside["report"] == f"decode_nsys_batch_{batch}.nsys-rep"
        )
    # The next run records that one alone.
    (bin_ / "mode").unlink()
    said = sweep(tmp_path, "--batches", "1,2,4", "--nsys", env=machine)
    assert "decode_nsys: 2 points there already\n" in said and len(reports(tmp_path)) == 3


@pytest.mark.long
def test_a_point_that_kills_its_worker_is_reported_and_the_next_ones_run(
    machine: dict[str, str], tmp_path: Path
) -> None:
    deadly = ("--env", "FAKE_DEADLY_BATCH=2", "--env", f"FAKE_CALLS={tmp_path}/calls")
    said = sweep(tmp_path, "--batches", "1,2,4", "--nsys", *deadly, env=machine, status=1)
    assert "failed: decode: batch_2: the worker ended with status 139 while it was measured" in said
    assert "failed: decode_nsys: batch_2: the worker ended" in said
    assert rows(tmp_path, "batch_size") == [("1",), ("4",)]
    assert reports(tmp_path) == ["decode_nsys_batch_1.nsys-rep", "decode_nsys_batch_4.nsys-rep"]


def test_windows_get_their_names_as_they_appear(tmp_path: Path) -> None:
    stage = Stage("sweep", [Point("a"), Point("b")], tool="nsys", report_per_point=True)
    where = kept.Kept(tmp_path, stage, {})
    staging_ = tmp_path / ".staging"
    staging_.mkdir()
    outcome = Outcome(0, False, traceql_now(), 1.0)
    windows = Windows(stage, where, staging_ / "sweep", ["nsys"], {}, {"collector": "c"}, outcome.started)
    result = {
        "ok": True,
        "tags": {"batch_size": "1"},
        "metrics": [{"name": "ms", "unit": "ms", "value": 1.0}],
    }
    windows.begun(1, "a")
    (staging_ / "sweep.1.nsys-rep").write_text("first")
    windows.measured({**result, "point": "a"})
    # It may not be whole yet.
    assert reports(tmp_path) == []
    windows.begun(2, "b")
    (staging_ / "sweep.2.nsys-rep").write_text("second")
    windows.measured({**result, "point": "b"})
    assert reports(tmp_path) == ["sweep_a.nsys-rep"]
    assert windows.end(Outcome(0, True, outcome.started, 9.0)) == []
    assert {name: (tmp_path / name).read_text() for name in reports(tmp_path)} == {
        "sweep_a.nsys-rep": "first",
        "sweep_b.nsys-rep": "second",
    }
    for name in reports(tmp_path):
        beside = json.loads((tmp_path / f"{name}.run.json").read_text())
        assert beside["timed_out"] is True and beside["report"] == name and beside["digest"] == where.digest


def traceql_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


# --- interruptions, locks, databases --------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_collector_keeps_what_it_measured_and_leaves_no_worker(
    name: str, machine: dict[str, str], tmp_path: Path
) -> None:
    number = signal.Signals[name]
    options = (
        "--output-len",
        8,
        "--batches",
        "1,2,4",
        "--out",
        tmp_path,
        "--nsys",
        "--env",
        "FAKE_SLOW_BATCH=4",
    )
    process = subprocess.Popen(
        command("vllm_decode_sweep", *options), cwd=ROOT, env=machine, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "decode.jsonl").exists() or len(kept.lines(tmp_path / "decode.jsonl")[0]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    assert rows(tmp_path, "batch_size") == [("1",), ("2",)]
    assert json.loads((tmp_path / "decode_sweep.csv.run.json").read_text())["interrupted"] is True
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in text_of(p)]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@systems.posix("locks of whole files")
def test_two_collectors_in_one_folder_exclude_each_other(tmp_path: Path) -> None:
    import fcntl

    with lock.alone(tmp_path):
        held = rf"works in it already \(process {os.getpid()}\)"
        with pytest.raises(CollectError, match=held), lock.alone(tmp_path):
            pass
    # A process that is gone holds nothing.
    with lock.alone(tmp_path), (tmp_path / lock.NAME).open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock.alone(tmp_path):
        pass


@pytest.mark.long
def test_junk_beside_what_was_made_keeps_nothing_out_of_the_database(
    machine: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "half.nsys-rep").write_text("junk")
    (tmp_path / "a.csv").write_text("\0")
    db = tmp_path / "x.duckdb"
    options = (
        "--requests",
        2,
        "--batches",
        1,
        "--output-len",
        8,
        "--mode",
        "b=off",
        "--nsys",
        "--out",
        tmp_path,
    )
    said = collect("vllm_specdec", *options, "--ingest", db, env=machine, status=1).stderr
    assert "failed: half.nsys-rep is not in" in said
    with traceql.open(db) as opened:
        assert opened.sql("SELECT trace FROM traces")["trace"].to_list() == ["specdec_nsys_b"]
        assert "specdec" in opened.sql("SELECT DISTINCT sweep FROM runs")["sweep"].to_list()


@pytest.mark.long
def test_a_locked_database_costs_nothing_and_hides_nothing(machine: dict[str, str], tmp_path: Path) -> None:
    db = tmp_path / "x.duckdb"
    code = f"import duckdb, time; c = duckdb.connect({str(db)!r}); print('open', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "open\n"
    try:
        fails = ("--env", "FAKE_FAILING_BATCH=2", "--ingest", db, "--wait", 0)
        said = sweep(tmp_path / "out", "--batches", "1,2", *fails, env=machine, status=1)
    finally:
        holder.kill()
        holder.communicate()
    assert "failed: decode: batch_2: RuntimeError" in said
    assert (
        f"failed: not all is in the database: {db}: in use" in said
        and f"traceql ingest {tmp_path / 'out'} --db" in said
    )
    assert rows(tmp_path / "out", "batch_size") == [("1",)]


def test_tags_that_nobody_could_read_again_are_refused(tmp_path: Path) -> None:
    for bad in ("=x", "a=" + "x" * 2_001):
        result = subprocess.run(
            command("vllm_decode_sweep", "--dry-run", "--tag", bad),
            cwd=ROOT, env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 2 and "Traceback" not in result.stderr


def test_a_folder_that_cannot_be_made_is_an_error(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = sweep(tmp_path / "file" / "out", env=machine, status=1)
    assert "Traceback" not in said and "Check the folder" in said


# --- working sets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("l2_mib", "memory_gib"), [(6, 16), (40, 80), (50, 141), (72, 24), (126, 180)])
def test_working_sets_are_in_and_beyond_the_l2_of_the_gpu_at_hand(l2_mib: int, memory_gib: int) -> None:
    for point in memory_hierarchy._points():
        if share := point.tags.get("of_l2"):
            size = memory_hierarchy.working_set(float(share), l2_mib << 20, memory_gib << 30)
            assert size % (1 << 16) == 0 and 2 * size < memory_gib << 30
            if point.tags["kind"] == "l2_read":
                assert 0 < size < (l2_mib << 20) / 2
            else:
                assert size >= 4 * (l2_mib << 20)
    with pytest.raises(NotHereError):
        memory_hierarchy.working_set(0.5, 0, memory_gib << 30)
