"""What things are called in charts: told apart, shortened, never alike."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceql.draw import names, theme

LETTERS = st.text("ab_<, ", min_size=1, max_size=60)


@pytest.mark.long
@given(st.lists(LETTERS, unique=True, max_size=30), st.integers(12, 40))
def test_names_that_are_shortened_stay_apart_and_fit(given_names: list[str], most: int) -> None:
    short = names.shortened(given_names, most)
    assert len(set(short)) == len(short)
    assert all(len(text) <= most for text in short)
    assert all(text == name for text, name in zip(short, given_names, strict=True) if len(name) <= most)


def test_equal_names_are_shortened_alike() -> None:
    assert names.shortened(["a" * 20, "a" * 20], 12) == ["a" * 11 + "…"] * 2


def test_names_that_begin_alike_are_seen_where_they_differ() -> None:
    kernels = [f"void vllm::act_and_mul_kernel<c10::BFloat16, {kind}>" for kind in ("float", "half")]
    assert names.shortened(kernels, 24) == ["void vllm::…float>", "void vllm::…half>"]


def test_names_that_differ_far_behind_and_by_much_are_still_told_apart() -> None:
    alike = ["x" * 50 + letter + "y" * 50 + last for letter in "ab" for last in "cd"]
    assert len(set(names.shortened(alike, 16))) == 4


def test_rows_of_one_name_say_what_else_is_known_of_them_and_others_do_not() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["gemm", "gemm", "gemm", "norm"],
            "gpu_id": [0, 0, 0, 0],
            "grid_x": [8, 4096, 8, 8],
            "total_ns": [3, 2, 1, 1],
            "range": ["decode", "prefill", "other", "decode"],
        }
    )
    told = names.told_apart(answer, "kernel", "total_ns", 80)
    assert told == ["gemm (Grid x 8, decode)", "gemm (Grid x 4,096)", "gemm (Grid x 8, other)", "norm"]


def test_of_a_long_name_what_tells_it_apart_is_kept() -> None:
    answer = pl.DataFrame({"kernel": ["k" * 100] * 2, "range": ["decode", "prefill"], "total_ns": [1, 2]})
    told = names.told_apart(answer, "kernel", "total_ns", 40)
    assert [text.partition("… ")[2] for text in told] == ["(decode)", "(prefill)"]
    assert max(map(len, told)) == 40


def test_long_names_that_are_cut_for_what_tells_them_apart_stay_apart() -> None:
    kernels = [f"nvjet_sm90_tst_128x8_64x12_2x1_v_bz_{kind}TNT" for kind in ("", "splitK_")]
    ranges = ["execute_context_0(0)_generation_8(8)", "layer"]
    answer = pl.DataFrame({"kernel": sorted(kernels * 2), "range": ranges * 2, "total_ns": [4, 3, 2, 1]})
    told = names.told_apart(answer, "kernel", "total_ns", 74)
    assert len(set(told)) == 4
    assert len(set(names.shortened(told, 28))) == 4


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("rank", 0, "Rank 0"),
        ("gpu_id", 1, "GPU 1"),
        ("pid", 4_194_305, "Process 4194305"),
        ("start_ns", 99_270_000, "Start 99.27 ms"),
        ("cause", "host_work", "host work"),
        ("kernel", "rms_norm_kernel", "rms_norm_kernel"),
        ("range", None, "outside any range"),
        ("kernel", None, "(none)"),
    ],
)
def test_numbers_say_what_they_count_and_codes_are_words(column: str, value: object, text: str) -> None:
    assert names.called(column, value) == text


def test_names_in_a_legend_that_are_cut_are_not_alike() -> None:
    paths = [f"execute_context_0(0)_generation_{size}({size})/layer/attention" for size in (4, 8)]
    legend = theme.legend(pl.Series("path", paths)).to_dict()
    assert legend["columns"] == 1
    short = json.loads(legend["labelExpr"].removesuffix("[datum.label] || datum.label"))
    assert short.keys() == set(paths)
    assert len(set(short.values())) == 2
    assert max(map(len, short.values())) <= 44
    assert theme.legend(pl.Series("phase", ["decode", "prefill"])).to_dict() == {}
