"""Rows without Arrow say what Arrow's would, in every form, to the byte."""

from __future__ import annotations

import io
import json
import math
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow as pa
import pytest
from command_line import ENVIRONMENT, traceql
from hypothesis import example, given
from hypothesis import strategies as st
from made.nsys import Recording, kernel

import traceql as library
from traceql.present import formats, terminal, workbook
from traceql.present.values import cells, in_python
from traceql.rows import MOST, Column, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

# Each with values that one way or another could be taken for others.
VALUES = {
    "BOOLEAN": "true, false, NULL",
    "BIGINT": "-9223372036854775808, 9007199254740993, NULL",
    "UBIGINT": "18446744073709551615, 0",
    "HUGEINT": "1, -2, NULL",
    "HUGEINT, wide": "170141183460469231731687303715884105727, 1, NULL",
    "DECIMAL(5,2)": "1.50, -0.05, NULL",
    "DECIMAL(10,0)": "3, NULL",
    "DECIMAL(18,10)": "0.0000001, 0, NULL",
    "DECIMAL(38,0)": "99999999999999999999999999999999999999, 3",
    "DOUBLE": "0.5, 'nan', 'inf', '-inf', -0.0, 1e16, 1e-5, 2.5e-7, 1e300, NULL",
    "FLOAT": "1.1, NULL",
    "VARCHAR": "'', 'a,b', 'say \"so\"', 'two' || chr(10) || 'lines', '=1+1', '核函数🔥', chr(9), NULL",
    "VARCHAR[]": "['a', NULL, ''], [], NULL",
    "BIGINT[]": "[1, NULL], NULL",
    "MAP(VARCHAR, VARCHAR)": "MAP {'a': 'b', '=c': NULL}, MAP {}, NULL",
    "MAP(VARCHAR, DOUBLE)": "MAP {'a': 1.5, '=c': NULL, 'd': 'nan', 'e': '-inf', 'f': 1e20, 'g': 3}, MAP {}, NULL",
    "JSON": """'{"a": [1, 2.0]}'::JSON, '"=1"'::JSON, 'null'::JSON, NULL""",
    "STRUCT(a INTEGER)": "{'a': 1}, NULL",
    "TIMESTAMP": "'2026-01-02 03:04:05', '2026-01-02 03:04:05.000006', '0900-01-01', NULL",
    "DATE": "'2026-01-02', NULL",
    "BLOB": "'\\x00a'::BLOB, NULL",
    "INTERVAL": "INTERVAL 1 DAY, NULL",
}
# Which of them need no Arrow.
WITHOUT = {*VALUES} - {"FLOAT", "STRUCT(a INTEGER)", "DATE", "BLOB", "INTERVAL"}
FORMS: dict[str, Callable[[Any, Any], object]] = {
    "csv": formats.csv,
    "tsv": lambda answer, file: formats.csv(answer, file, "\t"),
    "safe csv": formats.safe_csv,
    "json": formats.json_list,
    "ndjson": formats.ndjson,
    "md": formats.markdown,
    "table": lambda answer, file: file.write("".join(terminal.lines(answer)).encode()),
    "raw": lambda answer, file: file.write(
        "".join(terminal.lines(answer, terminal.Layout(raw=True))).encode()
    ),
    "records": lambda answer, file: file.write(
        "".join(terminal.lines(answer, terminal.Layout(vertical=True))).encode()
    ),
}


def written(form: str, answer: object) -> bytes:
    file = io.BytesIO()
    FORMS[form](answer, file)
    return file.getvalue()


def sheet(answer: object) -> list[list[Any]]:
    file = io.BytesIO()
    workbook.write(answer, file)
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(file)["answer"].rows]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return library.open(":memory:")


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_a_type_are_the_same_with_arrow_and_without(database: Database, kind: str) -> None:
    type_ = kind.partition(", wide")[0]
    values = f"SELECT unnest([{VALUES[kind]}]::{type_}[]) AS value"
    statement = f"SELECT value AS some_value, 1 AS n, 2 AS n FROM ({values})"
    arrow = database._store.run(statement)
    plain = database._store.run(statement, plain=True)
    assert isinstance(plain, Rows) == (kind in WITHOUT)
    assert plain.column_names == arrow.column_names == ["some_value", "n", "n_1"]
    assert plain.num_rows == arrow.num_rows > 1
    assert repr(in_python(plain.column(0))) == repr(in_python(arrow.column(0)))
    assert [*cells(plain)] == [*cells(arrow)]
    for form in FORMS:
        assert written(form, plain) == written(form, arrow), form
    assert sheet(plain) == sheet(arrow)
    order = [1, 0]
    assert written("json", plain.take(order).select(["n", "some_value"])) == written(
        "json", arrow.take(order).select(["n", "some_value"])
    )


@pytest.mark.parametrize("time", ["infinity", "-infinity", "0001-01-01", "290000-01-01"])
def test_a_time_that_python_may_not_have_is_left_to_arrow(database: Database, time: str) -> None:
    found = database._store.run(f"SELECT TIMESTAMP '{time}' AS at", plain=True)
    assert isinstance(found, pa.Table)
    assert found.equals(database._store.run(f"SELECT TIMESTAMP '{time}' AS at"))


def test_so_is_one_among_many_rows(database: Database) -> None:
    statement = f"SELECT CASE range WHEN 0 THEN 'infinity' ELSE '2026-01-01' END::TIMESTAMP AS at FROM range({MOST + 9})"
    assert database._store.run(statement, plain=True).equals(database._store.run(statement))


def test_a_number_of_39_digits_among_many_rows_is_told(database: Database) -> None:
    largest = 2**127 - 1
    statement = (
        f"SELECT CASE WHEN x = 10 THEN {largest} ELSE x::HUGEINT END AS h FROM range({MOST + 50}) t(x)"
    )
    rows = database._store.run(statement, plain=True)
    assert in_python(rows.column(0))[10] == largest


@pytest.mark.parametrize("rows", [MOST, MOST + 1])
def test_many_rows_are_an_arrow_table_with_all_of_them(database: Database, rows: int) -> None:
    statement = f"""
        SELECT range AS n, range::HUGEINT * 3 AS wide, range / 4 AS part, 'x' || range AS text,
               MAP {{'n': range::VARCHAR}} AS tags, (range % 100)::DECIMAL(4,2) AS d, [range] AS list
        FROM range({rows})
    """
    plain, arrow = database._store.run(statement, plain=True), database._store.run(statement)
    assert isinstance(plain, Rows) == (rows <= MOST)
    if isinstance(plain, Rows):
        assert plain.to_pylist() == arrow.to_pylist(maps_as_pydicts="strict")
    else:
        assert plain.equals(arrow)


def test_only_one_select_is_without_arrow(database: Database) -> None:
    for statement in (
        "CREATE TEMP TABLE made (i INTEGER)",
        "SELECT 1; SELECT 2 AS two",
        "EXPLAIN SELECT 1",
        "",
    ):
        assert isinstance(database._store.run(statement, plain=True), pa.Table)


def test_an_error_is_told_in_the_same_words(database: Database) -> None:
    for statement in ("SELECT * FROM nowhere", "SELECT nothing FROM kernels", "SELEC", "SELECT 'a'::INTEGER"):
        said = []
        for plain in (False, True):
            with pytest.raises(library.QueryError) as error:
                database._store.run(statement, plain=plain)
            said.append(str(error.value))
        assert said[0] == said[1]


def of_bits(bits: int) -> float:
    (number,) = struct.unpack("d", bits.to_bytes(8, "little"))
    return float(number)


@given(st.lists(st.one_of(st.floats(), st.integers(0, 2**64 - 1).map(of_bits)), min_size=1, max_size=50))
@example([1e15, 1e16, 1.5e-5, 9.9999e-5, 1e-6, 5e-324, -1.25e-5])
def test_numbers_in_csv_are_written_as_polars_writes_them(numbers: list[float]) -> None:
    plain = Rows(["n"], [Column("DOUBLE", numbers)], len(numbers))
    assert written("csv", plain) == written("csv", pa.table({"n": numbers}))
    told = [float(line) for line in written("csv", plain).decode().splitlines()[1:]]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(told, numbers, strict=True))


@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(codec="utf-8")), st.sampled_from(["=1", "-2", "+x", "\t"]))
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
)
def test_texts_in_csv_are_written_as_polars_writes_them(texts: list[str | None], name: str) -> None:
    plain = Rows([name], [Column("VARCHAR", list(texts))], len(texts))
    arrow = pa.table({name: pa.array(texts, pa.string())})
    for form in ("csv", "tsv", "safe csv"):
        assert written(form, plain) == written(form, arrow)


# --- a question -----------------------------------------------------------------------------------------

KERNELS = 1_003


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of two traces: of one kernel each, and of more than are asked for at once."""
    folder = tmp_path_factory.mktemp("home")
    with library.open(folder / "traces.duckdb") as database:
        for name, count in (("few", 3), ("many", KERNELS)):
            recording = Recording()
            for n in range(count):
                at = 10_000 * n
                recording.call("cudaLaunchKernel", at, at + 50, kernel(f"k{n}", at + 100, at + 200 + n))
            recording.store(database, name)
    return folder


@pytest.mark.parametrize("trace", [["few"], ["many"], ["few", "many"]])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 999, 1_000, 1_001, None])
def test_the_first_rows_and_how_many_there_are_are_those_of_the_question(
    home: Path, trace: list[str], limit: int | None
) -> None:
    with library.open(home / "traces.duckdb") as database:
        asked = {"trace": trace, "limit": limit}
        arrow = database._asker.answer("top_kernels", asked)
        plain = database._asker.answer("top_kernels", asked, plain=True)
    assert isinstance(plain.table, Rows)
    assert plain.table.to_pylist() == arrow.table.to_pylist()
    there = sum({"few": 3, "many": KERNELS}[one] for one in trace)
    assert plain.total_rows == arrow.total_rows == there
    assert plain.parameters == arrow.parameters


@pytest.mark.parametrize(
    "command",
    [
        "query top-kernels --trace few",
        "query top-kernels --trace few --format csv",
        "query top-kernels --trace few --format json",
        "query api-summary --format tsv",
        "query cuda-gpu-kern-sum",
        "query top-kernels --sort total_ns --limit 2",
        "ls",
        "ls --tree",
        "sql 'SELECT count(*) AS n FROM kernels'",
        "query --list",
        "query --list --format json",
        "info few",
        "info few --format csv",
        "schema",
        "schema kernels",
        "why few",
        "why few --format json",
    ],
)
@pytest.mark.long
def test_a_plain_question_brings_neither_arrow_nor_polars_nor_charts(home: Path, command: str) -> None:
    status, brought, said = ended(home, command, "sys.modules")
    assert status == "0"
    heavy = {"pyarrow", "polars", "altair", "numpy", "distributed", "mcp", "rich", "asyncio", "logging"}
    # DuckDB's engine has a module of its own.
    heavy |= {"duckdb"}
    assert {name.partition(".")[0] for name in brought} & heavy == set()
    assert said == traceql(*shlex.split(command), folder=home).stdout


@pytest.mark.parametrize(
    "command",
    [
        *("info few", "why few", "export few -o few.pftrace", "report few -o few.html"),
        *("chart top-kernels -o few.svg", "chart top-kernels -o few.html", "diff few few"),
    ],
)
@pytest.mark.long
def test_no_command_imports_pandas(home: Path, command: str) -> None:
    status, brought, _ = ended(home, command, "sys.modules")
    assert status == "0"
    assert "pandas" not in brought


# What only changes, files, errors, comparisons, predictions and pictures need.
OF_OTHERS = (
    *(
        "traceql.cluster",
        "traceql.draw",
        "traceql.predict",
        "traceql.record",
        "traceql.report",
        "traceql.server",
    ),
    *(
        "traceql.share",
        "traceql.ask.compare",
        "traceql.ask.findings",
        "traceql.read.base",
        "traceql.read.child",
    ),
    *("traceql.read.kinds", "traceql.read.limits", "traceql.read.source", "traceql.read.worker"),
    *("traceql.store.decode", "traceql.store.ingest", "traceql.store.lake.store", "traceql.store.outcomes"),
    *("traceql.store.runs", "traceql.tables.elsewhere", "traceql.tables.normalise", "msgspec", "tomllib"),
    *("hashlib", "importlib.resources", "html"),
)


@pytest.mark.parametrize("command", ["query top-kernels", "query top-kernels --limit 3 --format csv", "ls"])
@pytest.mark.long
def test_a_question_imports_nothing_that_only_others_need(home: Path, command: str) -> None:
    status, brought, _ = ended(home, command, "sys.modules")
    assert status == "0"
    assert (
        sorted(name for name in brought if f"{name}.".startswith(tuple(f"{of}." for of in OF_OTHERS))) == []
    )


@pytest.mark.long
def test_a_question_reads_its_own_files_of_the_catalogue_alone(home: Path) -> None:
    noting = "sys.addaudithook(lambda event, args: event == 'open' and read.add(str(args[0])))"
    status, read, _ = ended(home, "query top-kernels", "read", f"read = set(); {noting}; ")
    stems = {Path(name).stem for name in read if name.endswith(".sql")}
    assert status == "0"
    # With the macros and views that it mentions, and those that these do; there are hundreds of files.
    assert {"top_kernels", "duration_spread", "kernel_names"} < stems
    assert len(stems) < 30


def ended(home: Path, command: str, told: str, before: str = "") -> tuple[str, set[str], str]:
    """How a command ends in a process of its own: its status, what is `told` of it then, and what it prints."""
    code = (
        f"import sys; {before}from traceql.cli import leave; "
        f"leave.with_status = lambda status: print(status, *{told}, sep='\\t', file=sys.stderr); "
        f"sys.argv = ['traceql', *{shlex.split(command)!r}]; "
        "from traceql.__main__ import program; program()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    status, *things = ran.stderr.splitlines()[-1].split("\t")
    return status, set(things), ran.stdout


def test_a_question_as_json_holds_what_the_frame_does(home: Path) -> None:
    told = json.loads(traceql("query", "top-kernels", "--limit", "3", "-f", "json", folder=home).stdout)
    with library.open(home / "traces.duckdb") as database:
        assert told == database.query("top_kernels", limit=3).to_dicts()
