"""Runs measured outside the profilers: what files become, and what the sweeps say about them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from made.ncu import Profile
from shipped import TABLES

import traceql
from traceql import Database
from traceql.cli import cli
from traceql.errors import DatabaseError, MissingDataError, QueryError, ReportError, RunFileError
from traceql.read import runs
from traceql.store import ingest


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def numbers(run: runs.Run) -> dict[str, float | None]:
    return {metric.name: metric.value for metric in run.metrics}


# --- files ----------------------------------------------------------------------------------------------


def test_a_wide_table_has_one_run_per_row(tmp_path: Path) -> None:
    file = runs.read(table(tmp_path, "gpu,batch_size,ms_per_token,note\nH200,1,5.78,cold\nH200,4,,\n"))
    assert (file.format, file.file_name, file.label) == ("csv", "t.csv", "t")
    first, second = file.runs
    assert first.tags == {"gpu": "H200", "batch_size": "1", "note": "cold"}
    assert first.metrics == (runs.Metric("ms_per_token", "ms", 5.78),)
    # An empty cell is nothing measured, not zero.
    assert second == runs.Run({"gpu": "H200", "batch_size": "4"}, ())


def test_a_long_table_has_one_number_per_row(tmp_path: Path) -> None:
    text = """gpu,batch_size,metric,unit,value
H200,1,latency,ms,10
H200,1,latency,ms,12
H200,1,tokens_per_s,,99
H200,4,latency,ms,20
"""
    first, second = runs.read(table(tmp_path, text)).runs
    assert first.tags == {"gpu": "H200", "batch_size": "1"}
    assert first.metrics == (
        runs.Metric("latency", "ms", 10, 1),
        runs.Metric("latency", "ms", 12, 2),
        runs.Metric("tokens_per_s", "tokens/s", 99),
    )
    assert second.metrics == (runs.Metric("latency", "ms", 20),)


def test_a_json_list_is_a_table_too(tmp_path: Path) -> None:
    rows = [{"gpu": "L40S", "batch": 2, "eager": True, "latency_s": 0.5, "peak": None}]
    (run,) = runs.read(table(tmp_path, json.dumps(rows), "t.json")).runs
    assert run.tags == {"gpu": "L40S", "batch": "2", "eager": "true"}
    assert run.metrics == (runs.Metric("latency_s", "s", 0.5),)


def test_options_say_which_columns_are_tags_and_metrics(tmp_path: Path) -> None:
    path = table(tmp_path, "threads,steps,ms\n8,100,1.5\n")
    (run,) = runs.read(path, tag_columns=["threads"], metric_columns=["steps"], tags={"gpu": "H200"}).runs
    assert run.tags == {"gpu": "H200", "threads": "8"}
    assert numbers(run) == {"steps": 100, "ms": 1.5}


def test_the_files_own_tags_win_over_given_ones(tmp_path: Path) -> None:
    (run,) = runs.read(table(tmp_path, "gpu,ms\nL40S,1\n"), tags={"gpu": "H200", "model": "m"}).runs
    assert run.tags == {"gpu": "L40S", "model": "m"}


def test_nan_is_kept_as_null_and_never_becomes_zero(db: Database, tmp_path: Path) -> None:
    db.import_runs(runs.read(table(tmp_path, "gpu,a,b\nH200,nan,\nH200,1,2\n")))
    found = db.sql(
        "SELECT position, metric, value FROM runs JOIN run_metrics USING (run_id) ORDER BY ALL"
    ).rows()
    assert found == [(1, "a", None), (2, "a", 1.0), (2, "b", 2.0)]


def test_the_id_of_a_run_is_the_number_of_its_import_and_its_place(db: Database, tmp_path: Path) -> None:
    for name, ms in (("a", 2), ("b", 3)):
        db.import_runs(runs.read(table(tmp_path, f"gpu,ms\nH200,1\nL40S,{ms}\n", f"{name}.csv")))
    found = db.sql("SELECT sweep, run_id >> 32, run_id & 4294967295 FROM runs ORDER BY run_id").rows()
    assert found == [("a", 1, 1), ("a", 1, 2), ("b", 2, 1), ("b", 2, 2)]
    assert db.sql("SELECT DISTINCT run_id FROM run_metrics").height == 4


def test_what_vllm_bench_latency_writes_is_one_run_in_seconds() -> None:
    file = runs.read(TABLES / "vllm_latency.json", tags={"gpu": "H200", "batch_size": "8"})
    assert file.format == "vllm-bench-latency"
    (run,) = file.runs
    assert run.tags == {"gpu": "H200", "batch_size": "8"}
    assert {metric.unit for metric in run.metrics} == {"s"}
    assert [m.value for m in run.metrics if m.name == "latency"] == [0.4, 0.5, 0.6]
    assert [m.sample for m in run.metrics if m.name == "latency"] == [1, 2, 3]
    others = {m.name: m.value for m in run.metrics if m.sample is None}
    assert others == {"avg_latency": 0.5, "latency_p10": 0.42, "latency_p50": 0.5, "latency_p99": 0.598}


def test_an_nwor_sweep_is_one_run_per_mode_and_per_batch() -> None:
    file = runs.read(TABLES / "nwor_sweep.json")
    assert file.format == "benchmark-sweep"
    assert [run.tags["scope"] for run in file.runs] == ["mode", "mode", "batch", "batch", "batch"]
    off, stage = file.runs[:2]
    # Folders tell who ran it: only the last part is kept.
    assert off.tags == {
        "scope": "mode", "scv_mode": "off", "nwor_mode": "off",
        "model": "target", "requests": "8", "draft_tokens": "4", "temperature": "0.7",
    }  # fmt: skip
    assert numbers(off)["dram__bytes_write.sum"] == 1250
    units = {metric.name: metric.unit for metric in off.metrics}
    assert (units["dram__bytes_write.sum"], units["lts__t_sectors_op_write.sum"]) == ("byte", "sector")
    assert (units["latency_avg_s"], units["nwor_tokens_staged"]) == ("s", "")
    # Counted zeros stay, what is null or empty is absent.
    assert numbers(off)["nwor_tokens_staged"] == 0
    assert "nwor_writes_saved_pct" not in numbers(off)
    assert numbers(stage)["nwor_writes_saved_pct"] == 46.875
    assert "dram__bytes_write.sum" not in numbers(stage)
    assert file.runs[4].tags["batch_index"] == "0"
    assert file.warnings == ("outputs of each batch holds more than one value and was left out",)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("t.csv", "", "t.csv: holds no rows"),
        ("t.csv", "gpu,ms\n", "t.csv: holds no rows"),
        ("t.csv", "gpu,ms\nH200,1,2\n", "t.csv:2: 3 cells, but 2 columns"),
        ("t.csv", "gpu,ms\nH200,1\nH200\n", "t.csv:3: 1 cells, but 2 columns"),
        ("t.csv", "gpu,gpu\nH200,1\n", "two columns are called 'gpu'"),
        ("t.csv", "gpu,\nH200,1\n", "a column has no name"),
        ("t.csv", "gpu;ms\nH200;1\n", "no commas in the header"),
        ("t.csv", 'gpu,ms\n"H200,1\n', "not CSV"),
        ("t.csv", "gpu,batch_size\nH200,1\n", "holds no numbers"),
        ("t.csv", "gpu,metric,value\nH200,ms,fast\n", "t.csv:2: value is 'fast', not a number"),
        ("t.csv", "gpu,metric,value\nH200,,1\n", "t.csv:2: no metric"),
        ("t.json", "{", "not JSON"),
        ("t.json", "{}", "JSON of an unknown form"),
        ("t.json", "[1]", "JSON of an unknown form"),
        ("t.json", "[]", "holds no rows"),
        ("t.json", '[{"ms": [1]}]', "ms of entry 1 is not a single value"),
        ("t.json", '{"avg_latency": "x", "latencies": []}', "avg_latency is 'x', not a number"),
        ("t.json", '{"summary": {"per_mode": [1]}}', "a mode is no object"),
        ("t.json", '{"summary": {"per_mode": []}}', "holds no numbers"),
        ("t.xlsx", "x", "neither .csv nor .json"),
    ],
)
def test_a_file_that_makes_no_sense_is_an_error_that_says_where(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    with pytest.raises(RunFileError, match=problem) as caught:
        runs.read(table(tmp_path, text, name))
    assert caught.value.remedy
    assert isinstance(caught.value, ReportError)


def test_unreadable_bytes_missing_files_and_unknown_columns_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"gpu,ms\n\xff,1\n")
    with pytest.raises(RunFileError, match="not UTF-8"):
        runs.read(path)
    with pytest.raises(RunFileError, match="cannot be read"):
        runs.read(tmp_path / "no.csv")
    with pytest.raises(RunFileError, match="has no column 'threads'"):
        runs.read(table(tmp_path, "gpu,ms\nH200,1\n"), tag_columns=["threads"])


def test_a_numeric_column_with_a_text_in_it_is_an_error_when_it_is_said_to_be_a_metric(
    tmp_path: Path,
) -> None:
    path = table(tmp_path, "gpu,ms\nH200,1\nH200,1_000\n")
    with pytest.raises(RunFileError, match=r"t\.csv:3: ms is '1_000', not a number"):
        runs.read(path, metric_columns=["ms"])


# --- the database ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_importing_a_file_twice_is_importing_it_once(db: Database) -> None:
    file = runs.read(TABLES / "decode_sweep.csv")
    stored = db.import_runs(file)
    assert (stored.sweep, stored.status, stored.runs) == ("decode_sweep", "added", 28)
    assert (stored.tags, stored.metrics) == (("batch_size", "gpu"), ("ms_per_token",))
    assert "'H100' is taken as H100 SXM, the SXM card with HBM3" in stored.warnings
    before = db.sql("FROM runs").rows()
    again = db.import_runs(file, sweep="another")
    assert (again.sweep, again.status) == ("decode_sweep", "unchanged")
    assert db.sql("FROM runs").rows() == before


def test_a_first_import_that_fails_leaves_no_database_behind(tmp_path: Path) -> None:
    path = tmp_path / "t.duckdb"
    broken = runs.RunFile("csv", "t.csv", "0", (runs.Run({}, (runs.Metric("m", "", "text"),)),))  # type: ignore[arg-type]
    with traceql.open(path) as database:
        with pytest.raises(DatabaseError, match=r"t\.csv could not be stored"):
            database.import_runs(broken)
        assert not path.exists()


def test_a_failed_import_leaves_the_old_runs(db: Database, tmp_path: Path) -> None:
    db.import_runs(runs.read(table(tmp_path, "gpu,ms\nH200,1\n")))
    broken = runs.RunFile("csv", "t.csv", "0", (runs.Run({}, (runs.Metric("m", "", "text"),)),))  # type: ignore[arg-type]
    with pytest.raises(DatabaseError, match="could not be stored"):
        db.import_runs(broken, replace=True)
    assert db.sql("SELECT value FROM run_metrics").to_series().to_list() == [1]


@pytest.mark.long
def test_a_changed_file_replaces_the_old_one_only_when_told_to(db: Database, tmp_path: Path) -> None:
    db.import_runs(runs.read(table(tmp_path, "gpu,ms\nH200,1\nH200,2\n")))
    changed = runs.read(table(tmp_path, "gpu,ms\nH200,3\n"))
    with pytest.raises(RunFileError, match="a sweep is called 't' already"):
        db.import_runs(changed)
    assert db.sql("SELECT count(*) FROM run_metrics").item() == 2
    assert db.import_runs(changed, replace=True).status == "replaced"
    assert db.sql("SELECT value FROM run_metrics").to_series().to_list() == [3]
    assert db.import_runs(runs.read(table(tmp_path, "gpu,ms\nH200,4\n")), sweep="other").status == "added"
    db.drop_runs("t")
    assert db.sql("SELECT sweep FROM runs").item() == "other"
    assert db.sql("SELECT count(*) FROM run_metrics").item() == 1
    with pytest.raises(QueryError, match="no sweep is called 't'"):
        db.drop_runs("t")


@pytest.mark.long
def test_traces_and_runs_come_and_go_without_each_other(db: Database) -> None:
    db.import_runs(runs.read(TABLES / "decode_sweep.csv"))
    Profile().kernel("k", "step").store(db, "trace")
    assert "runs" not in ingest.rows(db._store, "trace")
    db.drop("trace")
    assert db.sql("SELECT count(*) FROM runs").item() == 28
    assert db.sql("SELECT count(*) FROM gpu_specs").item() > 8


def test_an_unknown_gpu_is_imported_without_a_floor(db: Database, tmp_path: Path) -> None:
    stored = db.import_runs(runs.read(table(tmp_path, "gpu,batch_size,ms_per_token\nVoodoo 2,1,10\n")))
    assert stored.warnings == (
        "there is no data about a GPU called 'Voodoo 2': no floors and no ridge points for its runs",
    )
    row = db.query("decode_sweep").row(0, named=True)
    assert row["tokens_per_s"] == 100
    assert (row["floor_ms"], row["hbm_utilisation_pct"], row["finding"]) == (None, None, None)


@pytest.mark.long
def test_a_sweep_question_needs_runs_and_no_traces(db: Database) -> None:
    Profile().kernel("k", "step").store(db, "trace")
    with pytest.raises(MissingDataError, match="the database holds no run_metrics") as caught:
        db.query("decode_sweep")
    assert caught.value.remedy == "Add some: traceql import-runs FILE"
    with traceql.open(":memory:") as empty:
        empty.import_runs(runs.read(TABLES / "decode_sweep.csv"))
        assert empty.query("decode_sweep").height == 28


# --- decode ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> Database:
    """The tables of the published lab."""
    database = traceql.open(":memory:")
    for path in sorted(TABLES.glob("*.csv")):
        database.import_runs(runs.read(path))
    return database


def decode(lab: Database, gpu: str) -> dict[int, dict[str, float]]:
    return {row["batch_size"]: row for row in lab.query("decode_sweep", gpu=gpu).to_dicts()}


@pytest.mark.parametrize(
    ("gpu", "floor_ms", "utilisation_pct", "ridge"),
    [
        ("H200", 3.33, 58, 206),
        ("H100", 4.78, 68, 295),
        ("A100 PCIe", 8.27, 69, 161),
        ("L40S", 18.52, 84, 419),
    ],
)
def test_the_published_floors_and_utilisations_come_out(
    lab: Database, gpu: str, floor_ms: float, utilisation_pct: int, ridge: int
) -> None:
    row = decode(lab, gpu)[1]
    assert round(row["floor_ms"], 2) == floor_ms
    assert round(row["hbm_utilisation_pct"]) == utilisation_pct
    assert round(row["ridge_flop_per_byte"]) == ridge
    assert row["finding"] is None


def test_the_published_throughput_and_growth_on_an_a100_come_out(lab: Database) -> None:
    rows = decode(lab, "A100 PCIe")
    assert {b: round(rows[b]["tokens_per_s"]) for b in (1, 64, 512)} == {1: 84, 64: 3424, 512: 7347}
    growth = {batch: round(row["growth_pct"]) for batch, row in rows.items()}
    assert growth == {1: 0, 4: 5, 16: 12, 64: 56, 128: 96, 256: 193, 512: 482}


@pytest.mark.parametrize(
    ("gpu", "batch"), [("H200", 44.2), ("H100", 42.1), ("A100 PCIe", 85.8), ("L40S", 131.2)]
)
def test_the_empirical_ridge_is_where_the_flat_and_the_steep_line_meet(
    lab: Database, gpu: str, batch: float
) -> None:
    rows = decode(lab, gpu)
    slope = (rows[512]["ms_per_token"] - rows[256]["ms_per_token"]) / 256
    by_hand = 256 - (rows[256]["ms_per_token"] - rows[1]["ms_per_token"]) / slope
    assert math.isclose(rows[1]["empirical_ridge_batch"], by_hand)
    assert round(by_hand, 1) == batch


def test_a_decode_sweep_by_hand(db: Database, tmp_path: Path) -> None:
    # Flat at 10 ms, then 1 ms per sequence through the origin: the lines meet at 10.
    text = "gpu,batch_size,us_per_token\nH200,1,10000\nH200,20,20000\nH200,40,39000\nH200,40,41000\n"
    db.import_runs(runs.read(table(tmp_path, text)))
    rows = db.query("decode_sweep", metric="us_per_token", weight_bytes=4.8e9).to_dicts()
    # Repetitions are averaged.
    assert [(r["batch_size"], r["ms_per_token"]) for r in rows] == [(1, 10), (20, 20), (40, 40)]
    assert [r["tokens_per_s"] for r in rows] == [100, 1000, 1000]
    assert [round(r["growth_pct"]) for r in rows] == [0, 100, 300]
    # 4.8 GB at 4.8 TB/s take 1 ms.
    assert [round(r["hbm_utilisation_pct"], 6) for r in rows] == [10, 5, 2.5]
    assert {round(r["empirical_ridge_batch"], 6) for r in rows} == {10}


def test_runs_that_differ_in_another_tag_are_not_mixed(db: Database, tmp_path: Path) -> None:
    text = """gpu,batch_size,input_len,model,ms_per_token
H200,1,128,a,10
H200,2,128,a,11
H200,1,256,a,20
"""
    db.import_runs(runs.read(table(tmp_path, text)))
    rows = db.query("decode_sweep").to_dicts()
    assert [(r["config"], r["batch_size"], r["ms_per_token"]) for r in rows] == [
        ("input_len=128, model=a", 1, 10),
        ("input_len=128, model=a", 2, 11),
        ("input_len=256, model=a", 1, 20),
    ]
    # Two batches make no two lines.
    assert {r["empirical_ridge_batch"] for r in rows} == {None}


def test_a_time_under_the_floor_is_flagged(db: Database, tmp_path: Path) -> None:
    db.import_runs(runs.read(table(tmp_path, "gpu,batch_size,ms_per_token\nH200,1,3.3\nH200,2,3.4\n")))
    assert db.query("decode_sweep")["finding"].to_list() == ["under the floor", None]


def test_a_metric_that_is_no_time_is_an_error(db: Database, tmp_path: Path) -> None:
    db.import_runs(runs.read(table(tmp_path, "gpu,batch_size,input_len,tokens_per_s\nH200,1,8,100\n")))
    with pytest.raises(
        QueryError, match='decode_sweep needs a time, but the unit of tokens_per_s is "tokens/s"'
    ):
        db.query("decode_sweep", metric="tokens_per_s")
    with pytest.raises(QueryError, match="prefill_sweep needs a time"):
        db.query("prefill_sweep", metric="tokens_per_s")


# --- prefill --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "floor_ms", "us_per_token", "by_eye", "fitted"),
    [
        ("H200", 6.92, 1.18, 512, None),
        ("H100", 8.51, 1.25, 1024, None),
        ("A100 PCIe", 13.33, 1.70, 512, 128),
        ("L40S", 24.33, 1.27, 1024, None),
    ],
)
def test_the_published_prefill_figures_come_out(
    lab: Database, gpu: str, floor_ms: float, us_per_token: float, by_eye: int, fitted: int | None
) -> None:
    rows = lab.query("prefill_sweep", gpu=gpu).to_dicts()
    assert [row["input_len"] for row in rows] == [64, 128, 256, 512, 1024, 2048, 4096]
    for row in rows:
        assert row["overhead_floor_ms"] == floor_ms
        assert round(row["steady_us_per_token"], 2) == us_per_token
        # What the least squares say, beside what somebody saw.
        assert (row["elbow_by_eye_tokens"], row["elbow_fit_tokens"]) == (by_eye, fitted)


@pytest.mark.parametrize(
    ("gpu", "of_peak_pct", "flagged_from"),
    [("H200", 476, 1024), ("H100", 389, 1024), ("A100 PCIe", 922, 512), ("L40S", 520, 1024)],
)
def test_prefill_over_the_peak_is_flagged(
    lab: Database, gpu: str, of_peak_pct: int, flagged_from: int
) -> None:
    rows = lab.query("prefill_sweep", gpu=gpu).to_dicts()
    assert math.floor(rows[-1]["achieved_of_peak_pct"] + 0.5) == of_peak_pct
    for row in rows:
        assert (row["finding"] == "over 100 % of peak") == (row["input_len"] >= flagged_from)
    # 4096 tokens of 13.96 GFLOP in 12.14 ms are 4.7 PFLOP/s.
    h200 = lab.query("prefill_sweep", gpu="H200").to_dicts()[-1]
    assert round(h200["achieved_tflop_per_s"] / 1e3, 1) == 4.7


def test_a_prefill_sweep_by_hand(db: Database, tmp_path: Path) -> None:
    # 10 ms up to 400 tokens, then 10 µs for each token more.
    text = "gpu,input_len,ms\n" + "".join(
        f"H200,{tokens},{10 + max(0, tokens - 400) / 100}\n" for tokens in (100, 200, 400, 800, 1600)
    )
    db.import_runs(runs.read(table(tmp_path, text)))
    rows = db.query("prefill_sweep", flop_per_token=989.4e9).to_dicts()
    assert {row["elbow_fit_tokens"] for row in rows} == {400}
    assert {round(row["steady_us_per_token"], 9) for row in rows} == {10}
    assert {row["overhead_floor_ms"] for row in rows} == {10}
    assert {row["elbow_by_eye_tokens"] for row in rows} == {None}
    # 100 tokens of 989.4 GFLOP take 100 ms at the peak of 989.4 TFLOP/s.
    assert math.isclose(rows[0]["achieved_of_peak_pct"], 1000)
    assert rows[0]["finding"] == "over 100 % of peak"


def test_a_batch_counts_all_of_its_tokens(db: Database, tmp_path: Path) -> None:
    text = "gpu,input_len,batch_size,flop_per_token,ms\nH200,100,2,989.4e6,1\n"
    db.import_runs(runs.read(table(tmp_path, text)))
    row = db.query("prefill_sweep").row(0, named=True)
    # 200 tokens of 989.4 MFLOP in 1 ms: a fifth of the peak.
    assert math.isclose(row["achieved_of_peak_pct"], 20)
    # One length has no slope and no elbow.
    assert (row["steady_us_per_token"], row["elbow_fit_tokens"]) == (None, None)


def test_runs_lists_every_number_with_its_spread(db: Database) -> None:
    db.import_runs(runs.read(TABLES / "vllm_latency.json", tags={"gpu": "H200"}))
    row = db.query("runs", metric="latency").row(0, named=True)
    assert (row["gpu"], row["samples"], row["avg"], row["min"], row["max"]) == ("H200", 3, 0.5, 0.4, 0.6)


# --- command line ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_command_imports_files_and_says_what_became_of_them(tmp_path: Path) -> None:
    runner = CliRunner(env={"TRACEQL_DB": str(tmp_path / "t.duckdb")})
    result = runner.invoke(cli, ["import-runs", str(TABLES / "decode_sweep.csv")])
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "note: 'H100' is taken as H100 SXM, the SXM card with HBM3." in result.stderr
    assert "decode_sweep: added, 28 runs; tags batch_size, gpu; metrics ms_per_token" in result.stderr
    again = runner.invoke(cli, ["import-runs", str(TABLES / "decode_sweep.csv")])
    assert "decode_sweep: in the database already" in again.stderr
    tagged = ["import-runs", str(TABLES / "vllm_latency.json"), "--name", "b8", "--tag", "batch=8", "--quiet"]
    assert runner.invoke(cli, tagged).stderr == ""
    found = json.loads(runner.invoke(cli, ["query", "runs", "--sweep", "b8", "-f", "json"]).stdout)
    assert found[0]["tags"] == {"batch": "8"}
    dropped = runner.invoke(cli, ["drop-runs", "b8"])
    assert (dropped.exit_code, dropped.stderr) == (0, "b8: dropped\n")


def test_the_command_imports_the_good_files_and_fails_for_the_bad_one(tmp_path: Path) -> None:
    runner = CliRunner(env={"TRACEQL_DB": str(tmp_path / "t.duckdb")})
    bad = table(tmp_path, "gpu,ms\nH200,1,2\n", "bad.csv")
    result = runner.invoke(cli, ["import-runs", str(bad), str(TABLES / "prefill_sweep.csv")])
    assert result.exit_code == 1
    assert "error: bad.csv:2: 3 cells, but 2 columns" in result.stderr
    assert "prefill_sweep: added" in result.stderr
    named = runner.invoke(cli, ["import-runs", "a.csv", "b.csv", "--name", "x"])
    assert named.exit_code == 2
