"""Where and when, on the command line: --trace, --from, --to, --within, --by and --names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from made.nsys import Recording, kernel

import traceql
from traceql.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

FLASH = "void cutlass::device_kernel<flash::FlashAttnFwdSm90<1>>(P)"


def gemm(tile: int) -> str:
    return f"void cutlass::device_kernel<gemm::GemmUniversal<{tile}>>(P)"


def steps(tile: int, flash: int, other: int, **tags: str) -> Recording:
    """Two steps of 1 ms, each with an attention and a GEMM of so many microseconds."""
    made = Recording(**tags)
    for at in (0, 1_000_000):
        made.range("step_1", at, at + 900_000)
        for start, us, full in ((10_000, flash, FLASH), (500_000, other, gemm(tile))):
            work = kernel("device_kernel", at + start, at + start + 1_000 * us, full=full)
            made.call("cudaLaunchKernel", at + start - 5_000, at + start - 4_000, work)
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose traces.duckdb holds a trace before a change and two after it."""
    folder = tmp_path_factory.mktemp("place")
    with traceql.open(folder / "traces.duckdb") as database:
        steps(64, 50, 50, gpu="h200").store(database, "before")
        steps(128, 20, 80, gpu="h200").store(database, "after_1")
        steps(128, 20, 80, gpu="h100").store(database, "after11")
    return folder


def run(home: Path, *arguments: str, status: int = 0) -> str:
    command = [*arguments, "--db", str(home / "traces.duckdb")]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else str(result.exception)


def rows(home: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(home, *arguments, "--format", "json"))
    return found


def kernels(home: Path, *arguments: str) -> list[tuple[str, str, int]]:
    found = rows(home, "query", "top-kernels", *arguments)
    return [(row["trace"], row["kernel"], row["total_ns"]) for row in found]


@pytest.mark.long
def test_times_have_units_and_count_from_the_start_of_the_trace(home: Path) -> None:
    attention = ("before", "device_kernel<FlashAttnFwdSm90>", 50_000)
    for words in (
        ["--to", "0.1ms"],
        ["--from", "1ms", "--to", "1100us"],
        ["--from", "1000000", "--to", "1.1ms"],
    ):
        assert kernels(home, "--trace", "before", *words) == [attention]
    assert "is no time" in run(home, "query", "top-kernels", "--from", "now", status=1)


def test_the_instance_of_a_range_and_the_window_take_the_same_work(home: Path) -> None:
    second = kernels(home, "--trace", "before", "--within", "step_1#1")
    assert second == kernels(home, "--trace", "before", "--from", "1ms")
    assert len(second) == 2


@pytest.mark.long
def test_traces_are_repeated_patterns_and_tags(home: Path) -> None:
    named = ["--trace", "before", "--trace", "after_1"]
    assert {trace for trace, _, _ in kernels(home, *named)} == {"before", "after_1"}
    # An underscore is a letter: after11 is another trace.
    assert {trace for trace, _, _ in kernels(home, "--trace", "after_1")} == {"after_1"}
    assert {trace for trace, _, _ in kernels(home, "--trace", "after*")} == {"after_1", "after11"}
    added = kernels(home, "--trace", "gpu=h200", "--by", "gpu")
    assert added == [
        ("h200", "device_kernel<GemmUniversal>", 2 * (50_000 + 80_000)),
        ("h200", "device_kernel<FlashAttnFwdSm90>", 2 * (50_000 + 20_000)),
    ]


@pytest.mark.long
def test_kernels_are_called_as_asked(home: Path) -> None:
    def names(*arguments: str) -> set[str]:
        return {kernel for _, kernel, _ in kernels(home, "--trace", "after*", *arguments)}

    assert names("--names", "short") == {"device_kernel"}
    assert names("--names", "full") == {FLASH, gemm(128)}
    assert names("--names", "full", "--kernel", "device_kernel<Gemm*") == set()
    assert names("--kernel", "device_kernel<Gemm*") == {"device_kernel<GemmUniversal>"}
    assert names("--kernel", gemm(128)) == {"device_kernel<GemmUniversal>"}
    assert "names must be short, full or distinct" in run(
        home, "query", "top-kernels", "--names", "x", status=1
    )


@pytest.mark.long
def test_a_side_of_a_diff_may_be_given_by_its_option_alone(home: Path) -> None:
    words = ("--topic", "kernel")
    expected = rows(home, "diff", "before", "after_1", "-b", "after11", *words)
    assert expected
    for given in (
        ("-a", "before", "-b", "after_1", "-b", "after11"),
        ("before", "-b", "after_1", "-b", "after11"),
    ):
        assert rows(home, "diff", *given, *words) == expected
    # One word beside -a is the other side.
    assert rows(home, "diff", "-a", "before", "after_1", *words) == rows(
        home, "diff", "before", "after_1", *words
    )
    for given, missing in (
        ((), "BASELINE': name a trace, or one with -a"),
        (("-b", "before"), "BASELINE': name a trace, or one with -a"),
        (("before",), "VARIANT': name a trace, or one with -b"),
        (("-a", "before"), "VARIANT': name a trace, or one with -b"),
    ):
        result = CliRunner().invoke(cli, ["diff", *given, "--db", str(home / "traces.duckdb")])
        assert result.exit_code == 2
        assert f"Missing argument '{missing}" in result.output


@pytest.mark.long
def test_two_changed_kernels_of_one_function_are_two_differences(home: Path) -> None:
    def deltas(*arguments: str) -> dict[str, float]:
        found = rows(home, "diff", "before", "after_1", "--topic", "kernel", *arguments)
        return {row["name"]: row["delta"] for row in found if row["measure"] == "avg_ns"}

    assert deltas() == {"device_kernel<FlashAttnFwdSm90>": -30_000, "device_kernel<GemmUniversal>": 30_000}
    # Summed up by function, the one hides the other; in full, another tile is another kernel.
    assert deltas("--names", "short") == {}
    assert set(deltas("--names", "full")) == {FLASH, gemm(64), gemm(128)}
    assert deltas("--to", "0.1ms") == {"device_kernel<FlashAttnFwdSm90>": -30_000}
    assert deltas("--within", "step_1#1") == deltas()


@pytest.mark.long
def test_charts_and_pages_are_narrowed_and_say_so(home: Path) -> None:
    for number, place in enumerate((["--to", "0.1ms"], ["--within", "step_1#0", "--to", "0.1ms"])):
        file = home / f"{number}.json"
        run(home, "chart", "kernels", "--trace", "before", *place, "-o", str(file))
        drawn = file.read_text()
        assert "FlashAttnFwdSm90" in drawn
        assert "GemmUniversal" not in drawn
    page = home / "page.html"
    run(home, "report", "after*", "--param", "within=step_1#1", "-o", str(page))
    text = page.read_text()
    assert "after11 and after_1" in text
    assert "device_kernel&lt;GemmUniversal&gt;" in text
    assert "of tables narrowed to within" in text
