"""What is said of several traces together is true of each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from made import jobs
from made.ncu import Profile, roofline
from made.nsys import Recording, kernel
from made.store import empty
from shipped import REPORTS

from traceql import report
from traceql.ask import cards
from traceql.draw import theme
from traceql.report import headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"
_MS = 1_000_000


def _gpu(idle_ns: int) -> Recording:
    """Two kernels, and a gap between them in which the CPU launches nothing."""
    made = Recording().gpu(0, "NVIDIA H200", cuda=0)
    made.call(LAUNCH, 0, 5, kernel("a", 10, 10 + 20 * _MS))
    second = 10 + 20 * _MS + idle_ns
    return made.call(LAUNCH, second - 5, second, kernel("a", second, second + 20 * _MS))


@pytest.fixture(scope="module")
def several() -> Iterator[Database]:
    """A trace in which something is wrong, one in which nothing is, one without a GPU, and counters."""
    with empty() as database:
        _gpu(50 * _MS).store(database, "idle")
        _gpu(0).store(database, "busy")
        Recording().range("step", 0, 10).store(database, "host")
        Profile().gpu("NVIDIA H200").kernel("a", ns=10).store(database, "counters")
        yield database


def test_traces_in_which_nothing_is_wrong_or_could_be_looked_at_are_named(several: Database) -> None:
    told = several.why("idle", "busy", "host")
    assert {one.trace for one in told} == {"idle"}
    assert told.verdict == "Nothing wrong found in busy. Nothing could be looked at in host."
    assert told.verdict in told._repr_html_()
    # Also of those whose findings the limit leaves out something is found.
    assert several.why("idle", "busy", limit=1).verdict == "Nothing wrong found in busy."
    assert several.why("busy").verdict == "Nothing wrong found."
    assert several.why("host").verdict == "No rule is about such traces, or can be asked so."
    assert several.why("idle").verdict == ""


def test_a_trace_is_looked_at_beside_others_as_it_is_alone(several: Database) -> None:
    names = ("idle", "busy", "host", "counters")
    together = several.why(*names)
    assert {name: together.looked_at[name] for name in names} == {
        name: several.why(name).looked_at[name] for name in names
    }
    assert together.looked_at["host"] == () and len(together.looked_at["busy"]) > 5


def test_each_trace_of_a_page_is_compared_with_the_first_one_of_its_profiler() -> None:
    traces = [
        {"trace": name, "profiler": profiler}
        for name, profiler in (("a", "nsys"), ("x", "ncu"), ("b", "nsys"), ("y", "ncu"), ("c", "nsys"))
    ]
    pairs = [(first["trace"], other["trace"]) for first, other in report._pairs(traces)]
    assert pairs == [("a", "x"), ("a", "b"), ("x", "y"), ("a", "c")]
    assert report._pairs(traces[:1]) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "other", "said"),
    [
        ("idle", "host", "Only the baseline tells its time on the GPU."),
        ("host", "idle", "Only the variant tells its time on the GPU."),
        ("host", "also host", "Neither tells its time on the GPU."),
        ("idle", "elsewhere", "They ran on different GPUs: NVIDIA H200 and NVIDIA A10G."),
    ],
)
def test_a_comparison_says_who_does_not_tell_and_what_no_change_explains(
    first: str, other: str, said: str
) -> None:
    with empty() as database:
        _gpu(_MS).store(database, "idle")
        for name in ("host", "also host"):
            Recording().range("step", 0, 10).store(database, name)
        Recording().gpu(0, "NVIDIA A10G", cuda=0).work(kernel("a", 0, _MS)).store(database, "elsewhere")
        page = database.report(first, other)
        assert said in page
        assert "They ran on different GPUs" not in database.report("idle", "idle")


def test_work_is_drawn_under_the_roofs_of_its_own_gpu() -> None:
    with empty() as database:
        for name, gpu in (("a", "NVIDIA H200"), ("b", "NVIDIA H100 80GB HBM3"), ("c", "NVIDIA H200")):
            made = Profile().gpu(gpu).kernel("gemm", metrics=roofline(bf16=8000, dram=4000), ns=10)
            made.store(database, name)
        drawn = database.ask("kernel_roofline").drawing().to_dict()
        alone = database.ask("kernel_roofline", trace=["a", "c"]).drawing().to_dict()
    first, second = drawn["vconcat"]
    assert first["title"]["subtitle"][0] == "a, c" and second["title"]["text"] == "b"

    def published(picture: dict[str, Any], whole: dict[str, Any]) -> set[str]:
        rows = whole["datasets"][picture["layer"][0]["data"]["name"]]
        return {row["rate"] for row in rows if row["roof"] == "DRAM datasheet"}

    # NVIDIA's datasheets: 4.8 TB/s and 3.35 TB/s.
    assert published(first, drawn) == {"DRAM 4.8 TB/s"}
    assert published(second, drawn) == {"DRAM 3.35 TB/s"}
    assert published(alone, alone) == {"DRAM 4.8 TB/s"}
    assert "each roof is the highest" not in str(alone)


def test_a_limit_over_the_first_of_several_pictures_is_said_to_be_of_all() -> None:
    with empty() as database:
        for name in ("a", "b"):
            made = Recording().work(kernel("k", 0, 10), kernel("l", 20, 40), kernel("m", 50, 90))
            made.store(database, name)
        both, one = (database.ask("top_kernels", trace=names, limit=1) for names in (["a", "b"], ["a"]))
        first, second = both.drawing().to_dict()["vconcat"]
        assert first["title"]["subtitle"] == ["a", "in all, limited to 2 of 6 rows"]
        assert second["title"] == {"text": "b"}
        assert one.drawing().to_dict()["title"]["subtitle"] == ["a", "limited to 1 of 3 rows"]


def test_a_chart_names_the_traces_that_it_has_nothing_of(several: Database) -> None:
    def lines(*traces: str) -> list[str]:
        answer = several.ask("gpu_gaps", trace=list(traces), min_gap_ns=_MS)
        return [str(line) for line in answer.drawing().to_dict()["title"]["subtitle"]]

    assert lines("idle", "busy")[-1] == "no rows: busy"
    assert "busy" not in str(lines("idle"))


def test_a_sweep_of_many_traces_is_one_roofline() -> None:
    with empty() as database:
        for size in range(10):
            made = Profile().gpu("NVIDIA H200")
            made.kernel("gemm", f"batch_size={2**size}", metrics=roofline(bf16=8000, dram=4000), ns=10)
            made.store(database, f"sweep_{size}")
        drawn = database.ask("category_roofline").drawing().to_dict()
    assert "vconcat" not in drawn
    assert drawn["title"]["subtitle"] == ["10 traces (sweep_0, sweep_1, sweep_2 and 7 more)"]


def test_names_of_several_traces_are_no_wider_than_their_picture() -> None:
    long = "n" * 120
    assert theme.names_of(["a", "b"]) == ["a, b"]
    lines = theme.names_of([f"{long}{number}" for number in range(6)])
    assert len({*lines}) == 4 and lines[-1] == "and 3 more"
    assert max(map(len, lines)) <= 100
    # A page knows the one of its section by its name.
    assert theme.names_of([long]) == [long]


def test_it_is_said_where_roofs_of_several_traces_differ_by_their_clocks() -> None:
    with empty() as database:
        for name, clock in (("a", 1e9), ("b", 1.1e9)):
            metrics = {**roofline(bf16=8000, dram=4000), "sm__cycles_elapsed.avg.per_second": clock}
            Profile().gpu("NVIDIA H200").kernel("gemm", metrics=metrics, ns=10).store(database, name)
        both, one = (database.ask("kernel_roofline", trace=names) for names in (["a", "b"], ["a"]))
        said = "each roof is the highest of the traces, whose clocks differ"
        assert said in both.drawing().to_dict()["title"]["subtitle"]
        assert "each roof is" not in str(one.drawing().to_dict()["title"])


@pytest.mark.long
def test_a_timeline_beside_counters_says_which_question_puts_them_together(several: Database) -> None:
    page = several.report("busy", "counters", "idle")
    assert "traceql query counters-on-timeline --timeline busy --counters counters" in page
    assert ">busy and idle</h2>" in page and "idle and counters" not in page


@pytest.mark.long
def test_times_of_other_numbers_of_profiled_launches_say_so() -> None:
    with empty() as database:
        for name, launches in (("few", 1), ("many", 3)):
            made = Profile().gpu("NVIDIA H200")
            for _ in range(launches):
                made.kernel("gemm", ns=10)
            made.store(database, name)
        outcome = headline.of_sides(database._asker, {"baseline": ["few"], "variant": ["many"]}, {})
        alike = headline.of_sides(database._asker, {"baseline": ["few"], "variant": ["few"]}, {})
    said = "The variant takes 200 % more time on the GPU: 10 ns → 30 ns. Not as many launches were profiled: 1 → 3."
    assert outcome.startswith(said)
    assert "profiled" not in alike


@pytest.mark.long
def test_ranks_among_other_traces_are_said_to_be_ranks() -> None:
    with empty() as database:
        for name, recording in jobs.TRAIN.items():
            recording.store(database, name)
        _gpu(0).store(database, "other")
        page = database.report("a", "b", "other")
    assert (
        page.count("They are ranks of one job, whose page says who waits for whom: traceql report a b") == 1
    )


@pytest.mark.long
def test_the_table_of_the_traces_is_asked_of_those_of_the_page(several: Database) -> None:
    page = several.report("idle", "busy")
    assert "traceql query trace-summary --trace idle --trace busy" in page
    assert "counters" not in page.partition("What does each trace hold?")[2].partition("</table>")[0]


@pytest.mark.long
def test_remarks_name_the_traces_that_they_are_about() -> None:
    with empty() as database:
        for name in ("kinds_full", "kinds_source"):
            database.ingest(REPORTS / f"{name}.ncu-rep.xz", name=name)
        told = " ".join(note.text for note in database.ask("rule_sources").notes)
    assert "No instruction of kinds_full, kinds_source is put in words" in told


@pytest.mark.long
def test_a_card_says_which_traces_lack_the_kernel_or_a_part_of_it(several: Database) -> None:
    _, notes = cards.items(several._asker, "a", ["idle", "host", "counters"])
    assert notes[0] == "No kernel in host is called 'a'."
    # Of traces that have none nothing else is said.
    assert not any("host" in note for note in notes[1:])
    assert [note for note in notes if note.startswith("Advice: traces 'counters' and 'idle' hold no advice")]
    # One that has advice does not hide that another has none.
    with empty() as database:
        database.ingest(REPORTS / "kinds_full.ncu-rep.xz", name="full")
        Profile().gpu("NVIDIA H200").kernel("spilling", ns=10).store(database, "little")
        _, notes = cards.items(database._asker, "spilling")
    assert [note for note in notes if note.startswith("Advice: No advice in little: recorded by ncu")]


def test_an_example_says_which_trace_it_is_of() -> None:
    with empty() as database:
        for name in ("a", "b"):
            made = Recording().range("step", 0, 100, tid=1)
            made.call(LAUNCH, 10, 20, kernel("k", 30, 40), tid=2).store(database, name)
        both, one = database.ask("coverage"), database.ask("coverage", trace="b")
    assert both.notes[0].text.startswith("2 ranges in a, b (step in a) launched no work by their own thread")
    assert one.notes[0].text.startswith("1 range in b (step) launched no work")
