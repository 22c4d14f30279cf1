"""``--headers nvidia``: what it prints is what ``nsys stats --format csv`` printed, cell for cell and row for row."""

from __future__ import annotations

import csv
import io
import lzma
import re
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording, graph, kernel
from shipped import EXPECTED

from traceql.ask import nsys_stats
from traceql.errors import QueryError
from traceql.questions import catalog, nvidia

if TYPE_CHECKING:
    from traceql import Database

    Sheet = list[dict[str, str]]

pytestmark = pytest.mark.long

#: A thread's priority is kept nowhere; ids of ranges are others, see `test_ids_of_ranges_are_ours`.
_OTHERS = ("T-Pri", "RangeId", "ParentId", "RangeStack")
_REFUSED = {"llama_graph_nvtx_gpu_proj_sum", "llama_graph_nvtx_gpu_proj_trace"}


def _printed() -> dict[str, tuple[str, str]]:
    """Every file of nsys stats → trace and report."""
    found = {}
    for file in sorted((EXPECTED / "nsys_stats").iterdir()):
        stem = file.name.removesuffix(".xz").removesuffix(".csv")
        report = max((name for name in nvidia.HEADERS if stem.endswith(f"_{name}")), key=len)
        found[stem] = (stem.removesuffix(f"_{report}"), report)
    return found


PRINTED = _printed()


def _theirs(stem: str) -> list[list[str]]:
    path = EXPECTED / "nsys_stats" / f"{stem}.csv"
    data = path.read_bytes() if path.exists() else lzma.decompress(path.with_suffix(".csv.xz").read_bytes())
    # The version of an entry point is no part of a function's name here.
    return [
        [re.sub(r"^(cu\w+?)_v\d+$", r"\1", cell) for cell in row]
        for row in csv.reader(io.StringIO(data.decode()))
    ]


def _ours(database: Database, trace: str, report: str) -> list[list[str]]:
    ask = database._asker
    table, _ = nsys_stats.asked(ask, ask.catalog.find(report), {"trace": [trace]})
    rows = [["" if cell is None else str(cell) for cell in row.values()] for row in table.to_pylist()]
    return [table.column_names, *rows]


def _without(rows: list[list[str]], names: tuple[str, ...]) -> list[list[str]]:
    left_out = {place for place, name in enumerate(rows[0]) if name in names}
    return [[cell for place, cell in enumerate(row) if place not in left_out] for row in rows]


def test_all_but_two_reports_are_compared() -> None:
    assert set(PRINTED) > _REFUSED
    # No recording with OpenACC is at hand: see test_libraries.
    assert {report for _, report in PRINTED.values()} | {"openacc_sum"} == set(nvidia.HEADERS)


@pytest.mark.parametrize("stem", [stem for stem in PRINTED if stem not in _REFUSED])
def test_headers_rows_and_cells_are_those_that_nsys_printed(corpus: Database, stem: str) -> None:
    trace, report = PRINTED[stem]
    theirs, ours = _theirs(stem), _ours(corpus, f"{trace}.sqlite.xz", report)
    assert ours[0] == list(nvidia.HEADERS[report])
    if not theirs:
        # nsys had nothing to report.
        assert len(ours) == 1
        return
    assert ours[0] == theirs[0]
    assert _without(ours, _OTHERS) == _without(theirs, _OTHERS)


@pytest.mark.parametrize(
    "stem",
    [
        stem
        for stem, (_, report) in PRINTED.items()
        if "RangeId" in nvidia.HEADERS[report] and stem not in _REFUSED
    ],
)
def test_ids_of_ranges_are_ours(corpus: Database, stem: str) -> None:
    """nsys counts rows of its own table; with the rows' numbers in place of both, they are equal."""
    trace, report = PRINTED[stem]
    assert _numbered(_ours(corpus, f"{trace}.sqlite.xz", report)) == _numbered(_theirs(stem))


def _numbered(rows: list[list[str]]) -> list[list[str]]:
    if not rows:
        return []
    at = [rows[0].index(name) for name in ("RangeId", "ParentId", "RangeStack")]
    places = {row[at[0]]: str(number) for number, row in enumerate(rows[1:])}
    return [[re.sub(r"\d+", lambda found: places[found[0]], row[place]) for place in at] for row in rows[1:]]


@pytest.mark.parametrize("stem", sorted(_REFUSED))
def test_projections_of_whole_graphs_are_refused(corpus: Database, stem: str) -> None:
    trace, report = PRINTED[stem]
    with pytest.raises(QueryError, match="leaves out graphs traced as a whole") as caught:
        _ours(corpus, f"{trace}.sqlite.xz", report)
    assert "--cuda-graph-trace=node" in caught.value.remedy


def test_what_nsys_attributes_by_thread_is_refused_by_process(corpus: Database) -> None:
    ask = corpus._asker
    with pytest.raises(QueryError, match="nvtx_kern_sum of nsys stats knows no by process"):
        nsys_stats.asked(ask, ask.catalog.find("nvtx_kern_sum"), {"by": "process"})


@pytest.mark.parametrize("report", ["nvtx_kern_sum", "nvtx_gpu_proj_sum", "nvtx_sum"])
def test_what_nsys_keeps_apart_is_not_put_together_under_its_headers(corpus: Database, report: str) -> None:
    ask = corpus._asker
    with pytest.raises(QueryError, match=f"{report} of nsys stats knows no exact false"):
        nsys_stats.asked(ask, ask.catalog.find(report), {"exact": False})
    kept, _ = nsys_stats.asked(ask, ask.catalog.find(report), {"trace": "emit_nvtx.sqlite.xz", "exact": True})
    plain, _ = nsys_stats.asked(ask, ask.catalog.find(report), {"trace": "emit_nvtx.sqlite.xz"})
    assert kept.num_rows > 5
    assert kept.equals(plain)


def test_graphs_traced_as_a_whole_are_left_out_as_nsys_leaves_them_out() -> None:
    made = (
        Recording()
        .call("cudaGraphLaunch", 0, 1, graph(2, 9))
        .call("cudaLaunchKernel", 3, 4, kernel("k", 5, 6))
    )
    ask = made.database()._asker
    table, _ = nsys_stats.asked(ask, ask.catalog.find("cuda_gpu_sum"), {})
    assert table.column("Operation").to_pylist() == ["k"]


def test_in_a_window_only_the_launches_of_what_ran_in_it_count() -> None:
    made = (
        Recording()
        .range("step", 0, 100)
        .call("cudaLaunchKernel", 10, 11, kernel("k", 20, 30))
        .call("cudaLaunchKernel", 40, 41, kernel("k", 50, 60))
    )
    ask = made.database()._asker
    for params, operations in (({}, [2]), ({"from": "35ns", "to": "70ns"}, [1])):
        table, _ = nsys_stats.asked(ask, ask.catalog.find("nvtx_gpu_proj_sum"), dict(params))
        assert table.column("Total GPU Ops").to_pylist() == operations


def test_of_a_trace_without_ranges_there_are_headers_alone_and_a_note() -> None:
    ask = Recording().work(kernel("k", 5, 6)).database()._asker
    for report in (
        "nvtx_gpu_proj_sum",
        "nvtx_gpu_proj_trace",
        "nvtx_kern_sum",
        "nvtx_pushpop_trace",
        "osrt_sum",
    ):
        table, notes = nsys_stats.asked(ask, ask.catalog.find(report), {})
        assert (table.column_names, table.num_rows) == (list(nvidia.HEADERS[report]), 0)
        assert [note.code for note in notes] == ["not_recorded"]


def test_start_end_ranges_nest_among_themselves_and_in_push_pop_ranges() -> None:
    made = (
        Recording()
        .range("request", 0, 100, style="startend")
        .range("step", 10, 60)
        .range("part", 20, 50, style="startend")
        .range("layer", 30, 40)
        # Ended by another thread: it is around nothing.
        .range("handed over", 25, 90, style="startend", end_tid=2)
        .call("cudaLaunchKernel", 32, 33, kernel("k", 34, 36))
    )
    ask = made.database()._asker
    table, _ = nsys_stats.asked(ask, ask.catalog.find("nvtx_gpu_proj_trace"), {})
    levels = dict(zip(table.column("Name").to_pylist(), table.column("Lvl").to_pylist(), strict=True))
    assert levels.items() >= {":request": 0, ":step": 1, ":part": 2, ":layer": 3}.items()


def test_graphs_that_nvidia_leaves_out_are_told(corpus: Database) -> None:
    told = "5 graphs traced as a whole in graph_whole.sqlite.xz have no rows here, as in nsys stats"
    question = catalog.shipped().find("cuda_gpu_sum")
    for trace, is_told in (("graph_whole.sqlite.xz", True), ("graph_nodes.sqlite.xz", False)):
        _, said = nsys_stats.asked(corpus._asker, question, {"trace": [trace]})
        assert any(told in note.text for note in said) == is_told
    # What lists no graphs in any case has nothing to say of them.
    _, said = nsys_stats.asked(
        corpus._asker, catalog.shipped().find("cuda_api_sum"), {"trace": ["graph_whole.sqlite.xz"]}
    )
    assert not any("have no rows here" in note.text for note in said)
