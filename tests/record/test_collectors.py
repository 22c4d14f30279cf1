"""The collectors: what they would run, and what they make of a run, with vLLM and the profilers played by fakes."""

from __future__ import annotations

import ast
import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import fake_profilers
import pytest
import systems
from command_line import process

import traceql
from collectors import engine, vllm_prefill_sweep, vllm_specdec
from collectors.layers import layers_of
from collectors.worker import MARK

pytestmark = [pytest.mark.long, systems.posix("scripts of a shell, which stand for the tools")]

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures"
FAKE_GPU = ROOT / "tests/record/fake_gpu"
COLLECTORS = (
    "memory_hierarchy",
    "shapes",
    "spec_verify_micro",
    "vllm_decode_sweep",
    "vllm_layer_roofline",
    "vllm_nwor",
    "vllm_prefill_sweep",
    "vllm_serve_trace",
    "vllm_specdec",
)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine with a GPU, vLLM and the profilers, all of them fakes."""
    bin_ = tmp_path_factory.mktemp("bin")
    fake_profilers.install(bin_)
    return {"PATH": f"{bin_}:/usr/bin:/bin", "HOME": str(bin_), "PYTHONPATH": str(FAKE_GPU)}


def collector(
    name: str, *arguments: object, env: dict[str, str], check: bool = True
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", f"collectors.{name}", *map(str, arguments)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert result.returncode == 0, result.stderr + result.stdout
    return result


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which much is no folder."""
    (tmp_path / "file").write_text("nothing")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "triton.py").touch()
    return tmp_path


NOWHERE = ("file/inside", "9" * 5000)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *((name, path) for name in COLLECTORS for path in ("circle", "file", *NOWHERE)),
        # A report has a suffix of its own.
        *((name, path) for name in ("nsys", "ncu") for path in NOWHERE),
    ],
    ids=lambda word: word[:12],
)
def test_a_result_that_cannot_be_written_is_said_to_before_anything_is_measured(
    name: str, path: str, place: Path, machine: dict[str, str]
) -> None:
    if name in COLLECTORS:
        words = (name.replace("_", "-"), "--out", path)
    else:
        words = (name, "-o", path, "--", "true")
    there = sorted(place.rglob("*"))
    paths = f"{ROOT}:{FAKE_GPU}:{place / 'modules'}"
    done = process("collect", *words, environment={**machine, "PYTHONPATH": paths}, folder=place)
    said = [line for line in done.stderr.splitlines() if line.lower().startswith("error: ")]
    assert done.returncode in (1, 2) and len(said) == 1 and len(said[0]) < 500, done.stderr
    # A folder that is lacking is named, too.
    assert path[:20] in said[0] or path.split("/")[0] in said[0]
    assert sorted(place.rglob("*")) == there


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- before a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_dry_run_prints_the_exact_commands_and_makes_nothing(name: str, tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin", "HOME": "/home/user", "API_TOKEN": "secret"}
    every = ["--nsys"] if name in ("vllm_decode_sweep", "vllm_prefill_sweep", "vllm_specdec") else []
    counted = ("vllm_decode_sweep", "vllm_prefill_sweep", "memory_hierarchy", "shapes")
    every += ["--ncu"] if name in counted else []
    if name == "vllm_nwor":
        every = ["--modes", "off,nwor", "--points", "8x512", "--acceptance", "0.7"]
    result = collector(name, "--dry-run", "--python", "python3", "--out", "results/x", *every, env=env)
    printed = result.stdout.replace(str(ROOT), "<repository>")
    assert printed == (FIXTURES / f"expected/dry_run/{name}.txt").read_text()
    assert "secret" not in printed
    assert not (ROOT / "results").exists()


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_explains_itself_with_examples(name: str) -> None:
    said = collector(name, "--help", env={"PATH": "/usr/bin"}).stdout
    assert f"traceql collect {name.replace('_', '-')} --dry-run" in said
    assert all(option in said for option in ("--out", "--dry-run", "--redo", "--timeout", "--ingest"))


BLOCK = """
import sys
import tomllib
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocker())
"""
HEAVY = {
    "duckdb",
    "msgspec",
    "polars",
    "pyarrow",
    "numpy",
    "altair",
    "ncu_report",
    "torch",
    "vllm",
    "triton",
    "transformers",
}


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_needs_click_and_rich_and_nothing_else(name: str) -> None:
    code = BLOCK.format(blocked=HEAVY) + (
        f"import rich, runpy; sys.argv = ['x', '--dry-run']; runpy.run_module('collectors.{name}', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "--worker" in result.stdout


def test_traceql_collect_and_doctor_need_click_alone() -> None:
    for arguments in (
        ["collect", "nsys", "--dry-run", "ls"],
        ["collect", "ncu", "--dry-run", "ls"],
        ["doctor"],
    ):
        code = BLOCK.format(blocked=HEAVY | {"rich"}) + (
            f"sys.argv = ['traceql', *{arguments}]; from traceql.cli import main; main()"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "Traceback" not in result.stderr and result.stdout, result.stderr


def test_torch_vllm_and_triton_are_imported_by_workers_only() -> None:
    kernels = {"kernels", "staging_kernels"}
    for path in sorted((ROOT / "collectors").glob("*.py")):
        if path.stem in kernels:
            continue
        tree = ast.parse(path.read_text())
        guarded = [
            node
            for node in tree.body
            if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        ]
        for node in (inner for outer in guarded for inner in ast.walk(outer)):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for name in [*names, module]:
                assert name.split(".")[0] not in HEAVY and name.split(".")[-1] not in kernels, (
                    f"{path}: {name}"
                )
    for path in sorted((ROOT / "traceql").rglob("*.py")):
        assert not re.search(r"^\s*(import|from) (torch|vllm|triton)\b", path.read_text(), re.MULTILINE)


def test_a_missing_profiler_is_said_before_anything_runs(tmp_path: Path) -> None:
    result = collector(
        "vllm_decode_sweep", "--nsys", "--out", tmp_path / "out", env={"PATH": "/nowhere"}, check=False
    )
    assert result.returncode == 1
    assert "no nsys on the PATH" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_said_once_before_anything_runs(machine: dict[str, str], tmp_path: Path) -> None:
    # Folders of these names that hold no package are none.
    for name in ("torch", "vllm"):
        (tmp_path / "path" / name).mkdir(parents=True)
    bare = {**machine, "PYTHONPATH": str(tmp_path / "path")}
    out = tmp_path / "out"
    for name, lacks in (
        ("vllm_specdec", "torch and no vllm"),
        ("memory_hierarchy", "torch"),
        ("shapes", "torch"),
        ("spec_verify_micro", "torch and no triton"),
    ):
        result = collector(name, "--out", out, env=bare, check=False)
        assert result.returncode == 1 and not result.stdout
        assert result.stderr == (
            f"error: {sys.executable} has no {lacks}, which the collector needs\n"
            "pip install 'traceql[collect]'; or name a Python that has both, and traceql: --python.\n"
        )
    assert not out.exists()


def test_nothing_is_left_in_the_temporary_folder(machine: dict[str, str], tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ["vllm_decode_sweep", "--batches", "1,2", "--output-len", 8, "--ncu", "--out", tmp_path / "out"]
    result = collector(
        *options, "--env", "FAKE_DEADLY_BATCH=2", env={**machine, "TMPDIR": str(temporary)}, check=False
    )
    # The model was cut down, and one of the workers that have done so was killed.
    assert "failed: decode_ncu: batch_2: the worker ended with status" in result.stderr
    assert not list(temporary.iterdir())


def test_a_cut_down_model_goes_with_the_process_that_made_it(machine: dict[str, str], tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from collectors import engine\n"
        "made = Path(engine.changed_model('llama-3.1-8b', lambda config: engine.few_layers(config, 1)))\n"
        "print((made / 'config.json').exists())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**machine, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "True\n" and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("vllm_decode_sweep", ["--batches", "1,x"], "Whole numbers"),
        ("vllm_decode_sweep", ["--batches", "0"], "Numbers from 1"),
        ("vllm_decode_sweep", ["--engine", "[]"], "not an object"),
        ("vllm_specdec", ["--mode", "a=b"], "name=ngram"),
        ("vllm_specdec", ["--acceptance", "0.1,0.2,0.3,0.4"], "none larger than the one before"),
        ("spec_verify_micro", ["--masks", "on"], "'on' is none of"),
        ("vllm_nwor", ["--tasks", "equal,all"], "'all' is none of"),
        ("vllm_nwor", ["--modes", "stage"], "'stage' is none of"),
        ("vllm_nwor", ["--points", "32"], "It looks like 32x512"),
        ("vllm_nwor", ["--acceptance", "1.5"], "Numbers from 0 to 1, or standard"),
    ],
)
def test_wrong_usage_is_said(name: str, arguments: list[str], words: str) -> None:
    result = collector(name, "--dry-run", *arguments, env={"PATH": "/usr/bin"}, check=False)
    assert result.returncode == 2
    assert words in " ".join(result.stderr.split())


# --- a run ----------------------------------------------------------------------------------------------


def test_a_decode_sweep_becomes_a_table_that_the_query_reads(machine: dict[str, str], tmp_path: Path) -> None:
    result = collector(
        "vllm_decode_sweep", "--batches", "1,4", "--output-len", 8, "--out", tmp_path, env=machine
    )
    assert re.search(r"decode 1/2 batch_1: ms_per_token \d", result.stdout)
    rows = table(tmp_path / "decode_sweep.csv")
    assert [(row["gpu"], row["model"], row["batch_size"]) for row in rows] == [
        ("NVIDIA H200", "llama-3.1-8b", "1"),
        ("NVIDIA H200", "llama-3.1-8b", "4"),
    ]
    # Layers and output layer are read in each step, the table of embeddings is not: (1000 + 100) × 2 bytes.
    assert {row["weight_bytes"] for row in rows} == {"2200"}
    assert {row["flop_per_token"] for row in rows} == {"2000"}
    # The repetitions are in the sidecar, their medians in the table.
    sidecar = json.loads((tmp_path / "decode_sweep.csv.run.json").read_text())
    samples = [m["sample"] for m in sidecar["runs"][0]["metrics"] if m["name"] == "run_ms_per_token"]
    assert samples == [1, 2, 3]
    assert sidecar["gpus"][0]["driver"] == "580.1"
    with traceql.open(":memory:") as db:
        from traceql.read import runs

        db.import_runs(runs.read(tmp_path / "decode_sweep.csv"))
        answer = db.query("decode_sweep")
    assert answer["batch_size"].to_list() == [1, 4]
    assert answer["floor_ms"].to_list() == pytest.approx([1e3 * 2200 / 4.8e12] * 2)
    assert answer["ms_per_token"].to_list() == pytest.approx([float(row["ms_per_token"]) for row in rows])


def test_a_prefill_sweep_becomes_a_table_that_the_query_reads(
    machine: dict[str, str], tmp_path: Path
) -> None:
    collector("vllm_prefill_sweep", "--lengths", "8,16", "--out", tmp_path, env=machine)
    with traceql.open(":memory:") as db:
        from traceql.read import runs

        db.import_runs(runs.read(tmp_path / "prefill_sweep.csv"))
        answer = db.query("prefill_sweep")
    assert answer["input_len"].to_list() == [8, 16]
    assert answer["gpu"].to_list() == ["NVIDIA H200"] * 2


@pytest.mark.parametrize(
    ("name", "points"), [("decode", ["--batches", "4", "--output-len", 21]), ("prefill", ["--lengths", "8"])]
)
def test_as_vllm_serves_the_whole_is_timed_and_not_its_steps(
    machine: dict[str, str], tmp_path: Path, name: str, points: list[str | int]
) -> None:
    step_ms = 5.0
    arguments = [f"vllm_{name}_sweep", *points, "--mode", "served", "--env", f"FAKE_STEP_S={step_ms / 1e3}"]
    collector(*arguments, "--out", tmp_path, env=machine)
    (row,) = table(tmp_path / f"{name}_sweep.csv")
    assert (row["mode"], row["scheduling"]) == ("served", "asynchronous")
    assert (row["execution"], row["cudagraph_mode"]) == ("compiled+graphs", "FULL_AND_PIECEWISE")
    assert not {"step_ms", "kv_cache_usage"} & row.keys()
    if name == "decode":
        between = (float(row["latency_ms"]) - float(row["prefill_ms"])) / 20
        assert float(row["ms_per_token"]) == pytest.approx(between)
    measured = float(row["ms_per_token" if name == "decode" else "ms"])
    # A step sleeps so long at least; a loaded machine sleeps longer.
    assert step_ms <= measured < 20 * step_ms


def test_a_server_keeps_what_a_timed_step_would_take_from_it() -> None:
    stepwise, served = (set(engine.environment("llama-3.1-8b", served=served)) for served in (False, True))
    assert stepwise - served == {"VLLM_ENABLE_V1_MULTIPROCESSING=0", "VLLM_USE_V2_MODEL_RUNNER=0"}
    assert served < stepwise
    arguments = engine.llm_arguments("llama-3.1-8b", random=True, graphs=[1], served=True)
    assert not {"async_scheduling", "enforce_eager", "compilation_config"} & arguments.keys()


def test_a_served_prompt_replays_graphs_as_those_of_a_server_do() -> None:
    """From the number of sequences vLLM derives for how many tokens it captures graphs."""
    plan: dict[str, object] = {"batch": 1, "longest": 512, "engine": {}}
    given = [vllm_prefill_sweep.sizes({**plan, "served": served}, {}) for served in (False, True)]
    assert given[0].pop("max_num_seqs") == 1
    assert given[0] == given[1]
    asked = {**plan, "served": True, "engine": {"max_num_seqs": 1}}
    assert vllm_prefill_sweep.sizes(asked, {})["max_num_seqs"] == 1


@pytest.mark.parametrize("profiler", ["--nsys", "--ncu"])
def test_a_profiler_is_shown_no_served_steps(profiler: str, tmp_path: Path) -> None:
    result = collector(
        "vllm_decode_sweep", "--mode", "served", profiler, "--out", tmp_path / "out", env={}, check=False
    )
    assert result.returncode == 2
    assert "record with --mode stepwise" in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_report_for_each_point_with_its_tags_and_numbers(machine: dict[str, str], tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    out = tmp_path / "out"
    collector(
        "vllm_decode_sweep",
        "--batches",
        "1,4",
        "--nsys",
        "--out",
        out,
        "--env",
        f"FAKE_CALLS={calls}",
        env=machine,
    )
    assert sorted(p.name for p in out.glob("*.nsys-rep")) == [
        "decode_nsys_batch_1.nsys-rep",
        "decode_nsys_batch_4.nsys-rep",
    ]
    # A window for each point, with four steps in it, and none around the run without a profiler.
    window = ["start", "push decode_sweep/batch_size={}", *["push decode_step", "pop"] * 4, "pop", "stop"]
    assert calls.read_text(encoding="utf-8").splitlines() == [
        line.format(batch) for batch in (1, 4) for line in window
    ]
    with traceql.open(":memory:") as db:
        for report in sorted(out.glob("*.nsys-rep")):
            db.ingest(report, replace=True)
            tags = db.sql("SELECT unnest(map_entries(tags), recursive := true) FROM traces").rows()
            assert dict(tags)["batch_size"] == report.stem.rpartition("_")[2]
            assert {"model": "llama-3.1-8b", "driver": "580.1"}.items() <= dict(tags).items()
            assert {"execution": "graphs", "attention_backend": "FLASH_ATTN"}.items() <= dict(tags).items()
            metrics = {name for (name,) in db.sql("SELECT DISTINCT metric FROM run_metrics").rows()}
            assert {name for name in metrics if not name.startswith("gpu_")} == {
                "profiled_ms_per_token",
                "graph_batch",
            }


def test_what_is_there_is_not_measured_again(machine: dict[str, str], tmp_path: Path) -> None:
    arguments = ["vllm_decode_sweep", "--output-len", 8, "--out", tmp_path]
    collector(*arguments, "--batches", "1", env=machine)
    first = lines(tmp_path / "decode.jsonl")
    result = collector(*arguments, "--batches", "1,2", env=machine)
    assert "decode: 1 point there already\n" in result.stderr
    again = lines(tmp_path / "decode.jsonl")
    assert again[0] == first[0] and [line["point"] for line in again] == ["batch_1", "batch_2"]
    assert [row["batch_size"] for row in table(tmp_path / "decode_sweep.csv")] == ["1", "2"]
    result = collector(*arguments, "--batches", "1,2", env=machine)
    assert "decode: all points are there already\n" in result.stderr
    collector(*arguments, "--batches", "1,2", "--redo", env=machine)
    assert len(lines(tmp_path / "decode.jsonl")) == 4
    assert len(table(tmp_path / "decode_sweep.csv")) == 2


def test_a_point_that_fails_does_not_lose_the_others(machine: dict[str, str], tmp_path: Path) -> None:
    arguments = ["vllm_decode_sweep", "--output-len", 8, "--batches", "1,2,4", "--out", tmp_path]
    result = collector(*arguments, "--env", "FAKE_FAILING_BATCH=2", env=machine, check=False)
    assert result.returncode == 1
    assert "failed: decode: batch_2: RuntimeError: CUDA out of memory\n" in result.stderr
    assert [line["ok"] for line in lines(tmp_path / "decode.jsonl")] == [True, False, True]
    assert [row["batch_size"] for row in table(tmp_path / "decode_sweep.csv")] == ["1", "4"]
    # And it alone is measured by the next run.
    collector(*arguments, env=machine)
    assert [row["batch_size"] for row in table(tmp_path / "decode_sweep.csv")] == ["1", "2", "4"]


def test_a_worker_that_dies_is_started_again_for_the_rest(machine: dict[str, str], tmp_path: Path) -> None:
    arguments = ["vllm_decode_sweep", "--output-len", 8, "--batches", "1,2,4", "--out", tmp_path]
    lost = ["--env", "FAKE_FAILING_BATCH=2", "--env", "FAKE_LOST=1"]
    result = collector(*arguments, *lost, env=machine, check=False)
    assert result.returncode == 1
    assert [row["batch_size"] for row in table(tmp_path / "decode_sweep.csv")] == ["1", "4"]


def test_a_worker_that_dies_at_once_ends_the_stage_with_what_it_said(
    machine: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["vllm_decode_sweep", "--output-len", 8, "--batches", "1,2", "--out", tmp_path]
    result = collector(*arguments, "--env", "FAKE_NO_START=1", env=machine, check=False)
    assert result.returncode == 1
    assert "failed: decode: batch_1: the worker ended with status" in result.stderr
    assert "failed: decode: batch_2" in result.stderr


def test_layers_are_recorded_by_kind_phase_and_length(machine: dict[str, str], tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    out = tmp_path / "out"
    arguments = ["--lengths", "4,12", "--chunk", 8, "--repeats", 1, "--model", "llama-3.1-8b"]
    env = ["--env", f"FAKE_CALLS={calls}"]
    collector("vllm_layer_roofline", *arguments, "--no-ncu", "--out", out, *env, env=machine)
    called = calls.read_text(encoding="utf-8").splitlines()
    assert called[0] == "start" and called[-1] == "stop" and called.count("start") == 1
    pushed = [line.removeprefix("push ") for line in called if line.startswith("push")]
    texts = [text.removeprefix("layer_roofline/") for text in pushed if text.startswith("layer_roofline/")]
    # 4 tokens are one step; 12 are two, the second sees all of them. Two layers of two kinds each.
    expected = [
        f"layer_kind={kind}/phase={phase}/seq_len={length}"
        for length, phases in ((4, ["prefill", "decode"]), (12, ["prefill_earlier", "prefill", "decode"]))
        for phase in phases
        for _ in range(2)
        for kind in ("attention", "mlp")
    ]
    assert texts == expected
    # And a range around each step of the engine.
    assert [text for text in pushed if not text.startswith("layer_roofline/")] == [
        f"layers_step/phase={phase}/seq_len={length}"
        for length, phases in ((4, ["prefill", "decode"]), (12, ["prefill_earlier", "prefill", "decode"]))
        for phase in phases
    ]
    calls.unlink()
    collector("vllm_layer_roofline", *arguments, "--no-nsys", "--out", out, *env, env=machine)
    # For the counters a window around one layer of each kind, and no step before the last of prefill.
    expected = [
        line
        for length in (4, 12)
        for phase in ("prefill", "decode")
        for kind in ("attention", "mlp")
        for line in (
            "start",
            f"push layer_roofline/layer_kind={kind}/phase={phase}/seq_len={length}",
            "pop",
            "stop",
        )
    ]
    assert calls.read_text(encoding="utf-8").splitlines() == expected


def test_counters_may_be_those_of_some_kinds_and_phases_alone(
    machine: dict[str, str], tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    arguments = ["--lengths", "4,8", "--model", "llama-3.1-8b", "--no-nsys", "--only", "mlp/prefill"]
    collector(
        "vllm_layer_roofline",
        *arguments,
        *("--only", "attention/*", "--out", tmp_path / "out", "--env", f"FAKE_CALLS={calls}"),
        env=machine,
    )
    texts = [line.partition("layer_kind=")[2] for line in calls.read_text().splitlines() if "push" in line]
    assert texts == [
        f"{layer}/seq_len={length}"
        for length in (4, 8)
        for layer in ("attention/phase=prefill", "mlp/phase=prefill", "attention/phase=decode")
    ]


def test_without_a_profiler_a_model_of_all_layers_says_what_its_steps_take(
    machine: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["--lengths", "4,12", "--chunk", 8, "--repeats", 2, "--model", "llama-3.1-8b"]
    modes = ["--whole", "--plain", "--no-nsys", "--no-ncu", "--out", tmp_path]
    collector("vllm_layer_roofline", *arguments, *modes, env=machine)
    short, long = table(tmp_path / "layers.csv")
    assert (short["prompt_len"], long["prompt_len"]) == ("4", "12")
    sidecar = json.loads((tmp_path / "layers.csv.run.json").read_text())
    assert sidecar["tags"]["layers_of_each_kind"] == "all"
    # Two prompts of 4 tokens are two steps each, two of 12 three each: a chunk holds 8.
    assert (float(short["steps"]), float(long["steps"])) == (4, 6)
    assert float(short["prefill_ms"]) == float(short["last_prefill_step_ms"]) > 0
    assert float(long["prefill_ms"]) > float(long["last_prefill_step_ms"]) > 0
    assert float(long["decode_cpu_pct"]) >= 0
    # What the GPU of the tests says of its memory.
    assert float(long["peak_allocated_bytes"]) == 3e9
    assert (float(long["reserved_bytes"]), float(long["gpu_used_bytes"])) == (5e9, 7e9)


def calls_by_rank(calls: Path) -> tuple[list[str], list[str]]:
    """What the two processes of a model on two GPUs told the profiler."""
    said = calls.read_text(encoding="utf-8").splitlines()
    return [x for x in said if not x.startswith("1: ")], [x[3:] for x in said if x.startswith("1: ")]


TWO_GPUS = ("--engine", '{"tensor_parallel_size": 2}')


def test_a_sweep_over_two_gpus_says_what_each_rank_measured(machine: dict[str, str], tmp_path: Path) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    arguments = [
        "--batches",
        "1,4",
        "--output-len",
        8,
        "--nsys",
        "--out",
        out,
        "--env",
        f"FAKE_CALLS={calls}",
    ]
    collector("vllm_decode_sweep", *arguments, *TWO_GPUS, env=machine)
    # What both GPUs read together, spread over two of them by the query.
    assert {row["weight_bytes"] for row in table(out / "decode_sweep.csv")} == {"4400"}
    assert {row["tensor_parallel_size"] for row in table(out / "decode_sweep.csv")} == {"2"}
    whole, *ranks = json.loads((out / "decode_sweep.csv.run.json").read_text())["runs"][:3]
    assert "ms_per_token" in {m["name"] for m in whole["metrics"]} and "rank" not in whole["tags"]
    for number, run in enumerate(ranks):
        assert (run["tags"]["rank"], run["tags"]["batch_size"]) == (str(number), "1")
        assert run["metrics"] == [
            {"name": "rank_weight_bytes", "unit": "bytes", "value": 2400},
            {"name": "gpu_ms_per_step", "unit": "ms", "value": 1.0 + number},
        ]
    # Each rank has its ranges; the window of all of them is opened once.
    first, second = calls_by_rank(calls)
    steps = ["push decode_step", "pop"] * 4
    recorded = [[f"push decode_sweep/batch_size={batch}", *steps, "pop"] for batch in (1, 4)]
    assert second == [*recorded[0], *recorded[1]]
    assert first == ["start", *recorded[0], "stop", "start", *recorded[1], "stop"]
    with traceql.open(":memory:") as db:
        from traceql.read import runs

        db.import_runs(runs.read(out / "decode_sweep.csv"))
        answer = db.query("decode_sweep")
        by_rank = db.query("decode_sweep", metric="gpu_ms_per_step")
    assert by_rank["batch_size", "ms_per_token"].rows() == [(1, 1.0), (4, 1.0), (1, 2.0), (4, 2.0)]
    assert answer["gpus"].to_list() == [2, 2]
    assert answer["floor_ms"].to_list() == pytest.approx([1e3 * 4400 / 2 / 4.8e12] * 2)


def test_layers_of_two_ranks_have_ranges_in_both(machine: dict[str, str], tmp_path: Path) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    arguments = ["--lengths", "8", "--repeats", 1, "--no-ncu", "--out", out, "--env", f"FAKE_CALLS={calls}"]
    collector("vllm_layer_roofline", *arguments, *TWO_GPUS, env=machine)
    first, second = calls_by_rank(calls)
    assert second and [x for x in first if x not in ("start", "stop")] == second
    (whole, *ranks) = json.loads((out / "layers_nsys.nsys-rep.run.json").read_text())["runs"]
    counted = {m["name"]: m["value"] for m in whole["metrics"]}["ranges"]
    assert [[m["value"] for m in run["metrics"] if m["name"] == "ranges"] for run in ranks] == [
        [counted / 2],
        [counted / 2],
    ]


def test_two_calls_of_a_pipeline_are_one_step(machine: dict[str, str], tmp_path: Path) -> None:
    arguments = ["--batches", "2", "--output-len", 8, "--repeats", 1, "--out", tmp_path]
    collector("vllm_decode_sweep", *arguments, "--engine", '{"pipeline_parallel_size": 2}', env=machine)
    rows = table(tmp_path / "decode_sweep.csv")
    assert [(row["rank"], row["pipeline_parallel_size"]) for row in rows] == [
        ("", "2"),
        ("0", "2"),
        ("1", "2"),
    ]


@pytest.mark.parametrize("name", ["vllm_decode_sweep", "vllm_prefill_sweep", "vllm_layer_roofline"])
def test_ncu_is_refused_where_ranks_wait_for_each_other(name: str, tmp_path: Path) -> None:
    arguments = ["--ncu", "--dry-run", "--out", tmp_path, *TWO_GPUS]
    result = collector(name, *arguments, env={"PATH": "/usr/bin"}, check=False)
    assert result.returncode == 2
    assert "waits for the others" in result.stderr


def test_speculative_decoding_becomes_a_sweep_with_a_run_for_each_mode(
    machine: dict[str, str], tmp_path: Path
) -> None:
    modes = ["--mode", "baseline=off", "--mode", "nwor=ngram,VLLM_NWOR_MODE=stage"]
    collector(
        "vllm_specdec",
        *modes,
        "--requests",
        2,
        "--batches",
        2,
        "--output-len",
        8,
        "--out",
        tmp_path,
        env=machine,
    )
    summary = json.loads((tmp_path / "specdec.json").read_text())["summary"]["per_mode"]
    # What was not counted is absent, not 0.
    assert "spec_acceptance_ratio" not in summary[0]
    assert summary[1]["nwor_mode"] == "stage"
    # Two batches of two requests; the fake counts 10 drafts, 40 drafted and 20 accepted tokens for each.
    assert [summary[1][f"spec_num_{name}"] for name in ("drafts", "draft_tokens", "accepted_tokens")] == [
        40,
        160,
        80,
    ]
    assert summary[1]["spec_num_accepted_tokens_per_pos_0"] == 32
    assert (summary[1]["spec_avg_accepted_per_window"], summary[1]["spec_acceptance_ratio"]) == (2.0, 0.5)
    with traceql.open(":memory:") as db:
        from traceql.read import runs

        file = runs.read(tmp_path / "specdec.json")
        assert file.format == "benchmark-sweep"
        db.import_runs(file)
        rows = db.sql(
            "SELECT tags['mode'], value FROM runs JOIN run_metrics USING (run_id) "
            "WHERE metric = 'spec_acceptance_ratio' AND tags['scope'] = 'mode'"
        ).rows()
    assert rows == [("nwor", 0.5)]


def test_a_served_model_is_recorded_between_start_and_stop(machine: dict[str, str], tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    out = tmp_path / "out"
    collector(
        "vllm_serve_trace",
        *("--rates", "200,400", "--requests", 4, "--out", out, "--env", f"FAKE_CALLS={calls}"),
        env=machine,
    )
    assert calls.read_text(encoding="utf-8").splitlines() == ["start", "stop"] * 2
    assert [row["request_rate"] for row in table(out / "serve.csv")] == ["200", "400"]
    assert float(table(out / "serve.csv")[0]["ttft_p50_ms"]) > 0
    assert sorted(p.name for p in out.glob("*.nsys-rep")) == [
        "serve_nsys_rate_200.nsys-rep",
        "serve_nsys_rate_400.nsys-rep",
    ]


def test_what_was_recorded_can_be_ingested_at_once(machine: dict[str, str], tmp_path: Path) -> None:
    db = tmp_path / "x.duckdb"
    collector(
        "vllm_decode_sweep",
        *("--batches", "1", "--output-len", 8, "--nsys", "--ncu", "--out", tmp_path, "--ingest", db),
        env=machine,
    )
    with traceql.open(db) as opened:
        assert sorted(opened.sql("SELECT trace FROM traces")["trace"]) == [
            "decode_ncu",
            "decode_nsys_batch_1",
        ]
        assert opened.query("decode_sweep")["sweep"].to_list() == ["decode_sweep"]


# --- parts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["llama-3.1-8b", "nemotron-3-nano-4b"])
def test_the_shipped_models_have_random_weights_and_need_no_hub(model: str) -> None:
    assert engine.random_weights(model, "auto")
    assert "HF_HUB_OFFLINE=1" in engine.environment(model)
    assert engine.folder("meta-llama/Llama-3.1-8B") is None
    config = engine.config_of(model)
    small = json.loads(
        (Path(engine.changed_model(model, lambda c: engine.few_layers(c, 1))) / "config.json").read_text()
    )
    assert small["architectures"] == config["architectures"]
    assert small.get("num_hidden_layers", 3) == len(small.get("hybrid_override_pattern", "1"))


def test_the_shipped_models_are_those_that_predictions_know() -> None:
    for model in ("llama-3.1-8b", "nemotron-3-nano-4b"):
        known = json.loads((FIXTURES / f"models/{model}.json").read_text())
        assert known.items() <= engine.config_of(model).items()


class Layer:
    def __init__(self, *children: object) -> None:
        self._children = children

    def children(self) -> tuple[object, ...]:
        return self._children


def layer(name: str, *children: object) -> object:
    return type(name, (Layer,), {})(*children)


def test_layers_of_hybrid_models_count_as_a_whole_and_those_of_others_as_their_parts() -> None:
    hybrid = [
        layer("NemotronHMambaDecoderLayer", layer("MambaMixer2"), layer("RMSNorm")),
        layer("NemotronHMLPDecoderLayer", layer("NemotronHMLP"), layer("RMSNorm")),
        layer("NemotronHAttentionDecoderLayer", layer("NemotronHAttention"), layer("RMSNorm")),
    ]
    dense = [layer("LlamaDecoderLayer", layer("LlamaAttention"), layer("LlamaMLP"), layer("RMSNorm"))]
    for layers, expected in (
        (hybrid, [("mamba2", hybrid[0]), ("mlp", hybrid[1]), ("attention", hybrid[2])]),
        (dense, [("attention", dense[0].children()[0]), ("mlp", dense[0].children()[1])]),  # type: ignore[attr-defined]
    ):
        modules = type("ModuleList", (list,), {})(layers)
        model = type(
            "Model", (), {"named_modules": lambda self, m=modules: [("", self), ("model.layers", m)]}
        )()
        assert layers_of(model) == expected


def test_a_mode_may_set_variables() -> None:
    assert vllm_specdec._mode("scv=synthetic,VLLM_SCV_MODE=graph,A=b=c") == (
        "scv",
        "synthetic",
        ["VLLM_SCV_MODE=graph", "A=b=c"],
    )


def test_other_lines_of_a_worker_are_not_taken_for_results() -> None:
    from collectors.process import _result

    assert _result("INFO something") is None
    assert _result(f"{MARK}not json") is None
    assert _result(f'(EngineCore pid=1) {MARK}{{"point": "a"}}') == {"point": "a"}


def test_every_collector_command_of_the_documentation_is_one() -> None:
    text = (ROOT / "docs/collecting.md").read_text()
    shown = [
        (name.replace("-", "_"), shlex.split(rest))
        for name, rest in re.findall(r"^traceql collect ([\w-]+)(.*)$", text, re.MULTILINE)
        if name not in ("nsys", "ncu")
    ]
    assert sorted({name for name, _ in shown}) == sorted(COLLECTORS)
    for name, arguments in shown:
        collector(name, *arguments, "--dry-run", env={"PATH": "/usr/bin"})


def test_the_best_of_each_kind_is_its_roof_and_what_the_machine_lacks_is_absent(tmp_path: Path) -> None:
    from collectors import memory_hierarchy

    (tmp_path / "memory_hierarchy.csv").write_text(
        "gpu,kind,bytes_per_s,flop_per_s\n"
        "NVIDIA H200,hbm_copy,4.0e12,\n"
        "NVIDIA H200,hbm_read,4.5e12,\n"
        "NVIDIA H200,gemm,,7e14\n"
        "NVIDIA L4,gemm,,1e14\n"
    )
    memory_hierarchy._write_roofs(tmp_path)
    assert table(tmp_path / "roofs.csv") == [
        {"gpu": "NVIDIA H200", "dram_bytes_per_s": str(4.5e12), "bf16_flop_per_s": str(7e14)},
        {"gpu": "NVIDIA L4", "dram_bytes_per_s": "", "bf16_flop_per_s": str(1e14)},
    ]


# --- where they lie -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel, laid out as pyproject.toml says."""
    site = tmp_path_factory.mktemp("site-packages")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ignored = shutil.ignore_patterns("__pycache__")
    for source, place in {**{name: name for name in wheel["packages"]}, **wheel["force-include"]}.items():
        shutil.copytree(ROOT / source, site / place, ignore=ignored, dirs_exist_ok=True)
    return site


def test_the_installed_package_lists_its_collectors_and_adds_no_module_beside_itself(installed: Path) -> None:
    assert [path.name for path in installed.iterdir()] == ["traceql"]
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "collect", "--list"],
        cwd=installed.parent,
        env={"PATH": "/usr/bin", "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[0].replace("-", "_") for line in result.stdout.splitlines()]
    assert names == list(COLLECTORS)
    assert all(len(line.split()) > 5 for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_installed_package_starts_what_a_clone_starts(name: str, installed: Path) -> None:
    env = {"PATH": "/usr/bin", "HOME": "/home/user"}
    options = ["--dry-run", "--python", "python3", "--out", "results/x"]
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "collect", name.replace("_", "-"), *options],
        cwd=installed.parent,
        env={**env, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    # The worker finds the collectors where they lie, before what was on its path.
    printed = result.stdout.replace(f"{installed}/traceql/scripts:{installed}", "<repository>")
    in_the_clone = subprocess.run(
        [sys.executable, ROOT / "collectors" / f"{name}.py", *options],
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed == in_the_clone.stdout.replace(str(ROOT), "<repository>")
    assert printed.count(f"-m collectors.{name} --worker") == printed.count("\n") > 0


def test_a_worker_of_the_installed_package_measures(
    machine: dict[str, str], installed: Path, tmp_path: Path
) -> None:
    command = ["collect", "vllm-decode-sweep", "--batches", "4", "--output-len", "8", "--out", tmp_path]
    subprocess.run(
        [sys.executable, "-m", "traceql", *command],
        cwd=tmp_path,
        env={**machine, "PYTHONPATH": f"{installed}:{FAKE_GPU}"},
        check=True,
    )
    (row,) = table(tmp_path / "decode_sweep.csv")
    assert (row["gpu"], row["batch_size"], row["weight_bytes"]) == ("NVIDIA H200", "4", "2200")
