"""Misspelt names: what they may mean is said, and a shell completes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import ENVIRONMENT, traceql
from made import ncu
from made.nsys import Recording, kernel

import traceql as library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database holds a timeline, counters, runs and tags."""
    folder = tmp_path_factory.mktemp("meant")
    made = Recording().range("prefill_step", 0, 900).range("decode_step", 1_000, 1_900)
    made.call("cudaLaunchKernel", 10, 20, kernel("rms_norm_kernel", 30, 90, full="rms_norm_kernel()"))
    with library.open(folder / "traces.duckdb") as database:
        made.store(database, "llama_eager")
        ncu.Profile().kernel("gemm", metrics={"dram__bytes_read.sum": 8.0}).store(database, "counters")
        (folder / "sweep_a.csv").write_text("batch_size,latency_ms\n1,2.5\n")
        (folder / "my run.csv").write_text("")
        database.import_runs(folder / "sweep_a.csv")
        database.tag("llama_eager", gpu="h200", stage="decode")
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("quer", "No such command 'quer'. Did you mean query?"),
        ("top-kernels", "It is a question: traceql query top-kernels"),
        ("top-kernel", "Did you mean query top-kernels?"),
        ("sweep_a.csv", "It is a file or folder: traceql ingest sweep_a.csv"),
        ("my\trun.csv", "It is a file or folder: traceql ingest 'my run.csv'"),
        ("query top-kernel", "Did you mean top-kernels?"),
        ("chart kernel-duration", "Did you mean kernel-durations?"),
        ("schema kernal_calls", "Did you mean kernel_calls"),
        ("why llama_egaer", "Did you mean llama_eager? See which"),
        ("info --db traces.duckdb llama", "Did you mean llama_eager? "),
        ("diff llama_egaer counters", "Did you mean llama_eager? "),
        ("check budget --variant llama_egaer", "Did you mean llama_eager? "),
        ("drop llama_eagr", "Did you mean llama_eager? "),
        ("tag llama_eagr x=y", "Did you mean llama_eager? "),
        ("rename llama_eagr x", "Did you mean llama_eager? "),
        ("query top-kernels --trace llama", "Did you mean llama_eager? "),
        ("sql --trace gpu=h20 FROM\tkernels", "no trace has the tag gpu=h20\nDid you mean gpu=h200? "),
        ("sql --trace gup=h200 FROM\tkernels", "Did you mean gpu=h200? "),
        ("query top-kernels --by stagee", "Did you mean stage? Tags: gpu, stage."),
        ("query top-kernels --within decode", "Did you mean decode_step? "),
        ("query top-kernels --kernel rms_nrom", "The nearest: rms_norm_kernel"),
        ("query metric --metric dram__bytes_raed.sum", "The nearest: dram__bytes_read.sum."),
        ("diff counters counters --metric dram__bytes_raed.sum", "Did you mean dram__bytes_read.sum?"),
        ("gpu GHX200", "Did you mean H200"),
        ("drop-runs sweep_b", "Did you mean sweep_a? "),
        ("check budgett", "Did you mean budget? "),
        ("sql SELECT\tduratoin_ns\tFROM\tkernels", "Did you mean duration_ns? "),
        ("sql SELECT\tk.duratoin_ns\tFROM\tkernels\tk", "Did you mean duration_ns? "),
        ("sql FROM\tkernal_calls", "Did you mean kernel_calls"),
        ("sql SELECT\tcuont(*)\tFROM\tkernels", "Did you mean count? "),
        ("sql SELECT\tzzzzzz\tFROM\tkernel_calls", "There is, among others: "),
    ],
)
def test_a_misspelt_name_is_answered_with_what_it_may_mean(home: Path, words: str, said: str) -> None:
    arguments = [word.replace("\t", " ") for word in words.split(" ")]
    told = traceql(*arguments, folder=home)
    assert said in told.stderr
    assert told.stderr.count("Did you mean") <= 1
    assert "Candidate bindings" not in told.stderr


def test_a_name_of_elsewhere_is_answered_with_ours_and_no_guess(home: Path) -> None:
    told = traceql("sql", "SELECT duration FROM traces", folder=home).stderr
    assert "duration is trace_duration_ns. The tables" in told
    assert "Did you mean" not in told and "among others" not in told


def test_python_is_told_which_parameters_there_are(home: Path) -> None:
    with (
        library.open(home / "traces.duckdb") as database,
        pytest.raises(library.QueryError, match="Did you mean limit"),
    ):
        database.ask("top_kernels", limt=3)


def completed(home: Path, line: str) -> list[str]:
    """What bash is offered at the end of a line."""
    asked = {"_TRACEQL_COMPLETE": "bash_complete", "COMP_WORDS": f"traceql {line}"}
    told = traceql(folder=home, environment=ENVIRONMENT | asked)
    return [text.removeprefix("plain,").replace("\\", "") for text in told.stdout.split("\n") if text]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("quer", ["query"]),
        ("query top-kern", ["top-kernels"]),
        ("chart kernel-dur", ["kernel-durations"]),
        ("schema kernel_ca", ["kernel_calls"]),
        ("why lla", ["llama_eager"]),
        ("sql --trace gpu", ["gpu=h200"]),
        ("query top-kernels --trace stage", ["stage=decode"]),
        ("query top-kernels --within dec", ["decode_step"]),
        ("query top-kernels --kernel rms", ["rms_norm_kernel", "rms_norm_kernel()"]),
        ("query top-kernels --by st", ["stage"]),
        ("query metric --metric dram__bytes_re", ["dram__bytes_read.sum"]),
        ("diff --metric dram__bytes_re", ["dram__bytes_read.sum"]),
        ("diff -a lla", ["llama_eager"]),
        ("kernel-card ge", ["gemm"]),
        ("gpu h20", ["H20", "H200", "H200 NVL"]),
        ("predict decode --gpu L40", ["L40", "L40S"]),
        ("drop-runs sw", ["sweep_a"]),
        ("tag llama_eager --remove st", ["stage"]),
        ("ls --tag stage", ["stage=decode"]),
        ("ls --by g", ["gpu"]),
        ("check budg", ["budget", "file,budg"]),
        ("info sweep", ["file,sweep"]),
        ("why --zzz", []),
    ],
)
def test_values_are_completed(home: Path, line: str, offered: list[str]) -> None:
    assert completed(home, line) == offered


def test_without_a_database_nothing_of_it_is_offered(tmp_path: Path) -> None:
    assert completed(tmp_path, "drop x") == []
    assert completed(tmp_path, "query top-kernels --kernel x") == []
    assert list(tmp_path.iterdir()) == []
