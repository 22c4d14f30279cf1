"""Every command that has ``--format`` says the same in each of them."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import openpyxl
import pytest
from command_line import traceql
from shipped import REPORTS

import traceql as library
from traceql.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = str(REPORTS.parent / "models" / "llama-3.1-8b.json")
# Command → how it is given something to say.
ARGUMENTS = {
    "ls": [],
    "info": ["baseline"],
    "baseline list": [],
    "redact": [str(REPORTS / "scv_baseline_vectorized.ncu-rep.xz"), "--check"],
    "schema": ["kernels"],
    "why": ["eager"],
    "query": ["--list"],
    "kernel-card": ["*mask*", "--trace", "baseline"],
    "sql": ["SELECT trace, tags, trace_duration_ns, captured_at, warnings FROM traces ORDER BY trace"],
    "diff": ["baseline", "nwor", "--topic", "kernel"],
    "check": ["--list"],
    "gpu": ["H200"],
    "predict capacity": ["--config", MODEL, "--gpu", "H200", "--context", "1024,4096"],
    "predict decode": ["--config", MODEL, "--gpu", "H200", "--batch", "16", "--context", "4096"],
    "predict gemm": ["--m", "128", "--n", "4096", "--k", "4096", "--gpu", "H200"],
    "predict kinds": ["--config", MODEL, "--batch", "1,64", "--context", "128"],
    "predict layers": ["--config", MODEL, "--tokens", "16"],
    "predict linear": ["--in", "4096", "--out", "4096", "--gpu", "H200"],
    "predict prefill": ["--config", MODEL, "--tokens", "512", "--gpu", "H200"],
    "predict throughput": ["--config", MODEL, "--gpu", "H200", "--batch", "1,64", "--context", "4096"],
}


# Doctor has two of its own.
_FORMS = {"csv", "tsv", "json", "xlsx"}


def with_format(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The commands below one that have ``--format``; the questions have that of `query`."""
    if any(
        "--format" in param.opts and {*getattr(param.type, "choices", ())} >= _FORMS
        for param in command.params
    ):
        yield " ".join(path)
    if isinstance(command, click.Group) and path != ("query",):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from with_format(below, (*path, name))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database holds two profiles, of which one has a label, and a timeline."""
    folder = tmp_path_factory.mktemp("home")
    with library.open(folder / "traces.duckdb") as database:
        database.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", name="baseline", tags={"=a": "b, c"})
        database.ingest(REPORTS / "scv_nwor_vectorized.ncu-rep.xz", name="nwor")
        database.ingest(REPORTS / "llama_eager.nsys-rep.xz", name="eager")
        database.tag("baseline", baseline="main")
    return folder


def test_every_command_with_formats_is_asked_in_all_of_them() -> None:
    assert sorted(with_format(cli)) == sorted(ARGUMENTS)


def in_csv(value: object) -> str:
    """A value of JSON as CSV has it: what holds others is JSON text there."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def is_same(text: object, value: object) -> bool:
    """Whether a cell holds a value: numbers to all their digits, times however they are parted."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return text is not None and text != "" and math.isclose(float(str(text)), value, rel_tol=1e-12)
    if isinstance(text, datetime):
        # Spreadsheets know thousandths of a second.
        return abs(text - datetime.fromisoformat(str(value))) < timedelta(milliseconds=1)
    told = "" if text is None else str(text)
    if isinstance(text, bool):
        told = told.lower()
    wanted = in_csv(value)
    return told == wanted or told.replace(" ", "T").removesuffix(".000000") == wanted.removesuffix(".000000")


def is_shown(text: str, value: object) -> bool:
    """Whether a record shows a value: numbers with the digits that are read."""
    if value is None or value == "":
        return text in ("", "NULL")
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, int | float):
        if text.startswith("0x"):
            return int(text, 16) == value
        number = float(text.replace(",", ""))
        return math.isclose(number, value, rel_tol=6e-3, abs_tol=6e-3)
    # Times are read in seconds.
    told = in_csv(value).partition(".")[0] if re.fullmatch(r"[\d-]+T[\d:.]+", str(value)) else in_csv(value)
    return text.replace(" ", "T") == told.replace(" ", "T")


@pytest.mark.long
@pytest.mark.parametrize("command", ARGUMENTS)
def test_each_form_of_an_answer_holds_the_same_cells(home: Path, tmp_path: Path, command: str) -> None:
    words = [*command.split(), *ARGUMENTS[command]]

    def told(form: str, *more: str) -> str:
        ran = traceql(*words, "--format", form, *more, folder=home)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    rows: list[dict[str, Any]] = json.loads(told("json"))
    if command == "why":
        # Beside them is what was not looked at; the numbers of which the sentences are made are in no column.
        rows = rows["findings"]  # type: ignore[call-overload]
        for row in rows:
            del row["numbers"]
    assert rows
    names = list(rows[0])
    assert all(list(row) == names for row in rows)
    tables = {
        "csv": [*csv.reader(io.StringIO(told("csv"), newline=""))],
        "tsv": [*csv.reader(io.StringIO(told("tsv"), newline=""), delimiter="\t")],
    }
    if command != "redact":
        # Whose -o is the redacted file.
        file = tmp_path / "answer.xlsx"
        told("xlsx", "-o", str(file))
        sheet = openpyxl.load_workbook(file)["answer"]
        tables["xlsx"] = [[cell.value for cell in row] for row in sheet.rows]
    for form, (head, *body) in tables.items():
        assert head == names, form
        assert len(body) == len(rows), form
        for cells, row in zip(body, rows, strict=True):
            assert len(cells) == len(row)
            odd = [
                (form, name, text, value)
                for text, (name, value) in zip(cells, row.items(), strict=True)
                if not is_same(text, value)
            ]
            assert odd == []
    lines = [json.loads(line) for line in told("ndjson").splitlines()]
    assert lines == rows


@pytest.mark.long
@pytest.mark.parametrize("command", ["ls", "schema", "query", "sql", "gpu", "predict decode"])
def test_a_table_shows_the_cells_of_the_other_forms(home: Path, command: str) -> None:
    words = [*command.split(), *ARGUMENTS[command]]
    rows: list[dict[str, Any]] = json.loads(traceql(*words, "--format", "json", folder=home).stdout)
    shown = traceql(*words, "--vertical", "--raw", folder=home).stdout
    records = [record.splitlines() for record in shown.strip("\n").split("\n\n")]
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        lines = record[1:] if len(rows) > 1 else record
        assert len(lines) == len(row)
        for line, (name, value) in zip(lines, row.items(), strict=True):
            label, _, text = line.partition("   ")
            assert label.strip() == name
            assert is_shown(text.strip(), value), (name, text, value)
