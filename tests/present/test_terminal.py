"""What a person reads on a terminal: tables that fit it, records, and whole lines of what strangers wrote."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from traceql.present.terminal import Layout, lines
from traceql.present.width import both_ends, told_apart, width

KERNELS = pa.table(
    {
        "trace": ["run", "run"],
        "gpu": ["NVIDIA H200", "NVIDIA H200"],
        "kernel": ["void gemm<float, 128>(float*)", "copy"],
        "instances": [1_200, 3],
        "total_ns": [39_533_260, 2_400_000],
        "share_pct": [94.2764, 5.7236],
        "moved_bytes": [16_777_216.0, None],
        "rank": pa.array([None, None], pa.int64()),
    }
)


AS_IT_IS = Layout()


def shown(answer: pa.Table, layout: Layout = AS_IT_IS) -> str:
    return "".join(lines(answer, layout))


def test_what_is_the_same_is_said_once_and_each_column_has_one_unit() -> None:
    assert shown(KERNELS) == (
        "trace run, GPU NVIDIA H200\n"
        "empty: rank\n"
        "kernel                          instances   total (ms)   share (%)   moved (MB)\n"
        "───────────────────────────────────────────────────────────────────────────────\n"
        "void gemm<float, 128>(float*)       1,200       39.533       94.28        16.78\n"
        "copy                                    3        2.400        5.72         NULL\n"
    )


def test_raw_is_in_the_units_of_the_columns() -> None:
    assert shown(KERNELS.select(["kernel", "total_ns"]), Layout(raw=True)) == (
        "kernel                            total_ns\n"
        "──────────────────────────────────────────\n"
        "void gemm<float, 128>(float*)   39,533,260\n"
        "copy                             2,400,000\n"
    )


def test_where_room_is_short_heads_fold_names_lose_their_middle_and_columns_are_named_below() -> None:
    answer = KERNELS.select(["kernel", "instances", "total_ns", "share_pct", "moved_bytes"])
    assert shown(answer, Layout(room=54)) == (
        "                                          total  share\n"
        "kernel                        instances    (ms)    (%)\n"
        "──────────────────────────────────────────────────────\n"
        "void gemm<floa… 128>(float*)      1,200  39.533  94.28\n"
        "copy                                  3   2.400   5.72\n"
        "1 more column: moved_bytes; --all-columns or\n"
        "--vertical\n"
    )


def test_all_columns_are_shown_where_they_are_asked_for() -> None:
    heads = shown(KERNELS, Layout(room=20, whole=True)).partition("─")[0]
    for word in ("trace", "gpu", "kernel", "instances", "total", "share", "moved", "rank"):
        assert word in heads
    assert "more column" not in shown(KERNELS, Layout(room=20, whole=True))


def test_a_record_holds_each_value_whole() -> None:
    assert shown(KERNELS, Layout(room=20, vertical=True)) == (
        "row 1 of 2\n"
        "trace       run\n"
        "gpu         NVIDIA H200\n"
        "kernel      void gemm<float, 128>(float*)\n"
        "instances   1,200\n"
        "total       39.533 ms\n"
        "share       94.28 %\n"
        "moved       16.78 MB\n"
        "rank        NULL\n"
        "\n"
        "row 2 of 2\n"
        "trace       run\n"
        "gpu         NVIDIA H200\n"
        "kernel      copy\n"
        "instances   3\n"
        "total       2.400 ms\n"
        "share       5.72 %\n"
        "moved       NULL\n"
        "rank        NULL\n"
    )


def test_a_single_row_for_which_there_is_no_room_is_a_record() -> None:
    found = shown(KERNELS.slice(0, 1), Layout(room=40))
    assert found.splitlines()[:2] == ["trace       run", "gpu         NVIDIA H200"]


def test_rows_that_are_all_the_same_are_rows() -> None:
    assert shown(pa.table({"a": ["x", "x"], "n": [1, 1]})) == "n 1\na\n─\nx\nx\n"


def test_an_answer_without_rows_has_its_heads_and_one_without_columns_is_nothing() -> None:
    assert shown(KERNELS.select(["kernel", "total_ns"]).slice(0, 0), Layout(room=80)) == (
        "kernel   total (ns)\n───────────────────\n"
    )
    assert shown(pa.table({}), Layout(room=80)) == "\n"


def test_when_something_was_keeps_the_digits_that_tell_events_apart() -> None:
    starts = pa.table(
        {"start_ns": [1_500_000_100, 1_500_004_100, 1_600_000_000], "at_utc_ns": [10**18, 2, 3]}
    )
    assert [line.split() for line in shown(starts).splitlines()[2:]] == [
        ["1.5000001", "1,000,000,000,000,000,000"],
        ["1.5000041", "2"],
        ["1.6000000", "3"],
    ]


def test_rows_that_count_different_things_have_units_of_their_own() -> None:
    answer = pa.table(
        {
            "measure": ["dram_write_bytes", "gpu_ns", "kernels"],
            "baseline": [60_449_280.0, 246_976.0, 56.0],
            "variant": [32_058_112.0, None, 168.0],
        }
    )
    assert shown(answer) == (
        "measure            baseline    variant\n"
        "──────────────────────────────────────\n"
        "dram_write_bytes   60.45 MB   32.06 MB\n"
        "gpu_ns               247 µs       NULL\n"
        "kernels                  56        168\n"
    )


def test_a_value_stands_with_its_unit_and_a_text_in_its_place() -> None:
    answer = pa.table(
        {
            "item": ["time", "limiter"],
            "value": [624_768.0, None],
            "unit": ["ns", None],
            "text": [None, "DRAM"],
        }
    )
    assert shown(answer) == (
        "item          value\n───────────────────\ntime      624.77 µs\nlimiter        DRAM\n"
    )


def test_sums_of_duckdb_are_wider_than_64_bits() -> None:
    answer = pa.table({"total_ns": pa.array([Decimal(2_400_000), None], pa.decimal128(38, 0))})
    assert shown(answer).splitlines()[2:] == ["     2.400", "      NULL"]


def test_lists_have_one_line_per_row_under_headings() -> None:
    answer = pa.table(
        {
            "topic": ["a", "a", "b"],
            "query": ["x", "y", "z"],
            "question": ["Which kernels take time?"] * 2 + ["Why?"],
        }
    )
    assert shown(answer, Layout(room=26, one_line=True, groups="topic")) == (
        "  query  question\n"
        "──────────────────────────\n"
        "a\n"
        "  x      Which kernels ta…\n"
        "  y      Which kernels ta…\n"
        "b\n"
        "  z      Why?\n"
    )


def test_sentences_go_on_in_the_next_line() -> None:
    answer = pa.table(
        {"column": ["end_ns", "name"], "meaning": ["end on the GPU; NULL for ncu", "of the function"]}
    )
    assert shown(answer, Layout(room=26)) == (
        "column  meaning\n"
        "──────────────────────────\n"
        "end_ns  end on the GPU;\n"
        "        NULL for ncu\n"
        "name    of the function\n"
    )


def test_a_command_is_shown_whole() -> None:
    command = "ncu --set=full --nvtx --kernel-name=norm PROGRAM"
    text = shown(pa.table({"kernel": ["a", "b"], "command": [command, "ncu"]}), Layout(room=30))
    assert "".join(line[8:] for line in text.splitlines()[2:-1]).replace(" ", "") == command.replace(" ", "")


HOSTILE = {
    "control": "a\x1b[2Jb\nc\x00\x07",
    "right to left": "kernel\u202egnp.exe",
    "wide": "核函数" * 40,
    "emoji": "🔥🚀" * 40,
    "marks": "e" + "\u0301" * 500,
    "long": "x" * 100_000,
    "surrogate-like": "\ufffd" * 200,
    "tabs": "a\tb\t" * 50,
    "formula": "=cmd|' /C calc'!A0",
    "markup": "[bold]x[/bold]<script>",
}


@pytest.mark.parametrize("room", [1, 8, 20, 80])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leaves_its_column_or_its_line(name: str, room: int) -> None:
    answer = pa.table({"kernel": [HOSTILE[name], "gemm"], "launches": [12, 345]})
    found = lines(answer, Layout(room=room))
    table = [line for line in found if "more column" not in line]
    assert len(table) >= 4
    for line in table:
        assert line.endswith("\n")
        assert all(letter.isprintable() for letter in line[:-1])
        assert width(line[:-1]) <= room


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_columns_are_strangers_too(name: str) -> None:
    answer = pa.table({HOSTILE[name]: [1, 2], "b_ns": [1, 2]})
    for layout in (Layout(room=40), Layout(vertical=True), AS_IT_IS):
        for line in lines(answer, layout):
            assert all(letter.isprintable() for letter in line[:-1])


def test_both_ends_of_a_long_name_are_kept_whatever_is_between_them() -> None:
    long = f"begin{'核' * 100_000}end"
    assert both_ends(long, 20) == "begin核核…核核核end"
    assert width(both_ends(long, 21)) <= 21
    alike = told_apart([f"begin{n}{'x' * 50}end" for n in "ab"], 9)
    assert len(set(alike)) == 2
    assert all(len(text) <= 9 for text in alike)


def test_times_of_day_and_truths_are_never_cut() -> None:
    answer = pa.table(
        {"a": ["x" * 50] * 2, "at": [datetime(2026, 1, 2, 3, 4, 5), None], "known": [True, False]}
    )
    found = shown(answer, Layout(room=40, whole=True))
    assert "2026-01-02 03:04:05  true" in found


def test_what_would_go_is_said_whole() -> None:
    said = "command lines, programs and their arguments; the name of the profiled program stays"
    answer = pa.table({"kind": ["a", "b"], "would_go": [said, "paths"]})
    assert "…" not in shown(answer, Layout(room=50)) and "stays" in shown(answer, Layout(room=50))
