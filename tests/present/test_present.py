"""How values read: decided once, for terminal, files, pages and charts."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pyarrow as pa
from command_line import traceql

from traceql.present import columns, formats, terminal, units, values

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
    assert "".join(terminal.lines(ANSWER)) == (
        "kernel           kernel_id   virtual_address    launches    total_ns   share_pct\n"
        "────────────────────────────────────────────────────────────────────────────────\n"
        "gemm            4294967297    0x7fe17e000000   1,234,567   2,412,345      100.00\n"
        "a\\x1b[31m|<b>   4294967298              0x10           1           3     0.00012\n"
        "NULL            4294967299              NULL           0        NULL        NULL\n"
    )


def test_where_room_is_short_texts_give_way_and_numbers_do_not() -> None:
    lines = list(terminal.lines(ANSWER.select(["kernel", "launches"]), room=20))
    assert lines[2] == "gemm       1,234,567\n"
    assert lines[3] == "a\\x1b[3…           1\n"


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
