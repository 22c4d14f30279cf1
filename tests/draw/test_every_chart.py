"""Whatever a database holds, a chart of it is a picture that holds what it should, or an error that says why not."""

from __future__ import annotations

import html
import json
import random
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from command_line import traceql
from draw import every_chart
from draw.situations import SITUATIONS
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.runs import Runs
from made.store import empty

from traceql import open as open_database
from traceql import report
from traceql.draw import charts, render
from traceql.errors import QueryError

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

# What takes seconds to store, or to draw: names of 4,000 letters are measured.
_LARGE = {name for name in SITUATIONS if name.startswith("forty")} | {"extremes"}

# What is drawn most, what is not known, and what is not there.
_SHORT = {"two timelines with everything", "counters without values", "a single kernel", "nothing"}


def outcomes(situation: str, names: list[str]) -> Counter[str]:
    """What becomes of charts, each as JSON and in one form more."""
    made, held = every_chart.database(situation)
    chosen = random.Random(situation)
    return Counter(
        became
        for name in names
        for values in every_chart.asked(made, held, name)
        for became in every_chart.outcomes(
            made, name, ("json", chosen.choice(("svg", "png", "html"))), values
        )
    )


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param(name, marks=[] if name in _SHORT else [pytest.mark.long])
        for name in sorted(set(SITUATIONS) - _LARGE)
    ],
)
def test_a_chart_is_drawn_or_says_why_not(situation: str) -> None:
    # Every situation has some, and each chart some situation.
    names, number = every_chart.names(), sorted(SITUATIONS).index(situation)
    found = outcomes(situation, list(names[number :: len(SITUATIONS)]))
    assert found.total() >= 6
    if situation in ("two timelines with everything", "all kinds"):
        assert found["drawn"]


@pytest.mark.long
@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_every_kind_of_chart_is_drawn_or_says_why_not(situation: str) -> None:
    catalog = empty()._catalog
    of_kind = {charts.queries_of(catalog, name)[0].pictures[0].kind: name for name in every_chart.names()}
    found = outcomes(situation, sorted(of_kind.values()))
    assert found.total() >= 2 * len(charts.KINDS)


@pytest.fixture(scope="module")
def two() -> Database:
    made, _ = every_chart.database("two timelines with everything")
    return made


@pytest.mark.long
def test_every_chart_of_two_traces_has_a_page(two: Database) -> None:
    page = report.of_chart(two._asker, "kernels")
    every_chart.check_page(page)
    # Each below its name.
    assert '"full"' in page
    assert '"other"' in page


def test_timelines_below_each_other_are_moved_each_by_itself(two: Database) -> None:
    specification = two.chart("timeline").to_dict()
    zooms = {one["name"]: one["views"] for one in specification["params"]}
    assert sorted(zooms) == ["zoom_0", "zoom_1"]
    assert sorted(view for views in zooms.values() for view in views) == sorted(
        panel["name"] for panel in specification["vconcat"]
    )


@pytest.mark.long
def test_every_mark_is_there_that_the_answer_has_a_row_for(two: Database) -> None:
    for name, kind in (("timeline", "bar"), ("kernels", "bar"), ("step_summary", "point")):
        answer = two.query(charts.ALIASES.get(name, (name,))[0])
        found = every_chart.marks(render.to_svg(two.chart(name)))
        assert found[kind] == answer.height > 0, name


@pytest.mark.long
def test_a_range_without_a_text_has_a_lane_in_the_timeline() -> None:
    made = Recording().range(None, 0, 10).range("named", 20, 30).database()
    chart = made.chart("nvtx_pushpop_trace")
    every_chart.check_svg(chart)
    assert every_chart.marks(render.to_svg(chart))["bar"] == 2


@pytest.mark.long
def test_a_trace_without_a_value_is_named_beside_the_one_that_has_one() -> None:
    made = empty()
    Profile().kernel("k", ns=5.0).store(made, "timed")
    Profile().kernel("k", ns=None).store(made, "untimed")
    subtitle = made.chart("kernels").to_dict()["title"]["subtitle"]
    assert subtitle == ["timed", "untimed is not drawn: no row has Total to draw"]
    with pytest.raises(QueryError, match="no row has Total to draw"):
        made.chart("kernels", trace="untimed")


@pytest.mark.long
@pytest.mark.parametrize("form", every_chart.FORMS)
def test_where_there_is_nothing_to_draw_no_file_is_written(tmp_path: Path, form: str) -> None:
    file = tmp_path / "db"
    with open_database(file) as database:
        Recording().work(kernel("k", 0, 5)).store(database, "run")
    output = tmp_path / f"chart.{form}"
    ended = traceql("chart", "cuda-gpu-kern-pace", "--kernel", "other", "--db", file, "-o", output)
    assert ended.returncode == 1
    assert "nothing to draw" in ended.stderr
    assert not output.exists()


@pytest.mark.long
@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_a_page_says_what_there_is_of_all_traces_and_so_do_info_and_diff(situation: str) -> None:
    made, held = every_chart.database(situation)
    traces = [name for name, one in held.items() if not isinstance(one, Runs)][:3]
    for name in traces:
        facts = made.info(name)
        assert facts["trace"] == name
        try:
            found = made.compare(traces[0], name)
        except QueryError as error:
            # Of two profilers, or with nothing in them to compare.
            assert re.search("different kinds|no measure to compare|holds? no kernels", error.message), error
            continue
        # A trace does not differ from itself.
        assert name != traces[0] or found.changed().is_empty()
        json.loads(found.to_json())
    if not traces:
        with pytest.raises(QueryError, match="about one trace or more"):
            made.report()
        return
    page = made.report(*traces)
    every_chart.check_page(page, charts=False)
    assert all(html.escape(name) in page for name in traces)
