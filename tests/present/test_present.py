"""How values read: decided once, for terminal, files, pages and charts."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from command_line import traceql

from traceql.errors import QueryError
from traceql.present import columns, formats, terminal, units, values

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = pa.table(
    {
        "kernel": pa.array(["gemm", "a\x1b[31m|<b>", None], pa.string()),
        "kernel_id": [4294967297, 4294967298, 4294967299],
        "virtual_address": [140606458298368, 16, None],
        "launches": [1234567, 1, 0],
        "total_ns": [2_412_345.0, 3.0, None],
        "share_pct": [99.996, 0.00012, None],
    }
)


def test_on_a_terminal_codes_and_addresses_are_no_quantities() -> None:
    assert "".join(terminal.lines(ANSWER, terminal.Layout(raw=True))) == (
        "kernel           kernel_id   virtual_address    launches    total_ns   share_pct\n"
        "────────────────────────────────────────────────────────────────────────────────\n"
        "gemm            4294967297    0x7fe17e000000   1,234,567   2,412,345      100.00\n"
        "a\\x1b[31m|<b>   4294967298              0x10           1           3     0.00012\n"
        "NULL            4294967299              NULL           0        NULL        NULL\n"
    )


def test_where_room_is_short_texts_give_way_and_numbers_do_not() -> None:
    answer = pa.table({"kernel": ["gemm", "a\x1b[31m" * 9], "launches": [1234567, 1]})
    lines = list(terminal.lines(answer, terminal.Layout(room=35)))
    assert lines[2] == "gemm                      1,234,567\n"
    assert lines[3] == "a\\x1b[31ma\\x…1ma\\x1b[31m          1\n"


def test_the_command_line_shows_an_address() -> None:
    result = traceql("sql", "SELECT 140606458298368 AS virtual_address", "--db", ":memory:")
    assert result.stdout.splitlines()[-1].strip() == "0x7fe17e000000"
    # A program is given the number.
    result = traceql("sql", "SELECT 140606458298368 AS virtual_address", "--db", ":memory:", "-f", "json")
    assert json.loads(result.stdout) == [{"virtual_address": 140606458298368}]


def test_a_page_shows_codes_as_the_terminal_does_and_quantities_in_one_unit() -> None:
    assert columns.numbers("virtual_address", [140606458298368, None]) == (
        "Virtual address",
        ["0x7fe17e000000", ""],
    )
    assert columns.numbers("kernel_id", [4294967297]) == ("Kernel id", ["4294967297"])
    assert columns.numbers("total_ns", [2_400_000, 1_500_000, None]) == ("Total (ms)", ["2.40", "1.50", ""])
    assert columns.texts([True, None, datetime(2026, 1, 2, 3, 4, 5)]) == ["yes", "", "2026-01-02 03:04:05"]


def test_a_negative_address_is_the_same_64_bits() -> None:
    assert units.code("address", -1) == "0xffffffffffffffff"
    assert values.human(-1, "delta") == "-1"


def test_files_are_exact_and_notebooks_are_safe() -> None:
    file = io.BytesIO()
    formats.csv(ANSWER.select(["kernel_id", "virtual_address", "total_ns"]), file)
    assert file.getvalue().decode().splitlines()[1] == "4294967297,140606458298368,2412345.0"
    assert next(formats.json_rows(ANSWER.select(["share_pct"]))) == '{"share_pct": 99.996}'
    shown = formats.html(ANSWER, "<i>", ["a & b"], 3)
    assert "<b>&lt;i&gt;</b> (3 rows)" in shown
    assert "a\\x1b[31m|&lt;b&gt;" in shown
    assert "<p>a &amp; b</p>" in shown
    assert "0x7fe17e000000" in shown


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database to ask."""
    path = tmp_path_factory.mktemp("present") / "made.duckdb"
    runs = path.with_suffix(".csv")
    runs.write_text("run,decode_tok_per_s\na,1\n")
    stored = traceql("import-runs", "--db", path, runs)
    assert stored.returncode == 0, stored.stderr
    return path


UNSHOWN = (
    "'infinity'::DATE",
    "[DATE '290000-01-01']",
    "'-infinity'::TIMESTAMP",
    "'infinity'::TIMESTAMPTZ",
    "TIMESTAMP_NS '2020-01-01 00:00:00.123456789'",
    "MAP {[1]: 2}",
)


@pytest.mark.parametrize("form", ["table", "csv", "json", "ndjson", "md"])
@pytest.mark.parametrize("value", UNSHOWN)
def test_what_python_has_no_value_for_is_said_and_how_to_see_it(value: str, form: str, made: Path) -> None:
    refused = traceql("sql", "--db", made, "--format", form, f"SELECT {value} AS a")
    assert refused.returncode == 1, refused.stdout
    assert refused.stderr.splitlines() == [
        "error: the answer holds what cannot be shown: a date out of range, "
        "a timestamp finer than microseconds, or a map whose keys are lists",
        "Make it text in the statement: column::VARCHAR",
    ]
    assert traceql("sql", "--db", made, "--format", form, f"SELECT ({value})::VARCHAR AS a").returncode == 0


@pytest.mark.parametrize("kind", ["timestamp", "list", "struct", "map"])
def test_times_of_nanoseconds_are_pythons_whether_pandas_is_there_or_not(kind: str) -> None:
    """Of nanoseconds pyarrow makes pandas' own timestamps, if it finds pandas, and texts of them lose digits."""
    at = pa.timestamp("ns")
    kinds = {
        "timestamp": at,
        "list": pa.list_(at),
        "struct": pa.struct([("t", at)]),
        "map": pa.map_(pa.string(), at),
    }
    wrapped = {
        "timestamp": lambda ns: ns,
        "list": lambda ns: [ns],
        "struct": lambda ns: {"t": ns},
        "map": lambda ns: [("t", ns)],
    }
    whole, fine = (
        pa.table({"at": pa.array([wrapped[kind](ns), None], kinds[kind])}) for ns in (5_000, 5_001)
    )
    first, second = values.rows(whole)
    assert "1970, 1, 1, 0, 0, 0, 5" in repr(first["at"]).replace("microsecond=", "")
    assert "Timestamp" not in repr(first["at"]) and second["at"] is None
    with pytest.raises(QueryError, match="finer than microseconds"):
        list(values.rows(fine))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_bytes_are_hexadecimal_digits(form: str, made: Path) -> None:
    shown = traceql("sql", "--db", made, "--format", form, r"SELECT '\x0F\xA0'::BLOB AS a").stdout
    assert shown == ("a\n0fa0\n" if form == "csv" else '[{"a": "0fa0"}]\n')
