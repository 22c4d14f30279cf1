"""How answers, comparisons, verdicts, findings and charts show themselves: whole, short, and names stay text."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from made.nsys import Recording, kernel
from made.store import empty

from traceql.present import formats, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

#: Ends a script, begins one, and turns the colours of a terminal.
HOSTILE = "k</script><script>alert(1)</script><!--<script><img src=x onerror=alert(2)>\x1b[31m"
ROWS = 100_000


class Tags(HTMLParser):
    """The names of the elements that a browser makes of some HTML, and all of their texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    """A kernel with a hostile name in a range of one, that takes longer in the second trace; many short ones."""
    with empty() as database:
        for name, end in ((f"before {HOSTILE}", 1_000), (f"after {HOSTILE}", 3_000)):
            recording = Recording()
            for step in range(6):
                at = step * 10_000
                recording.range(HOSTILE, at, at + 5_000)
                work = [kernel(HOSTILE, at + 20, at + end)]
                work += [kernel(f"short {n}", at + 4_000 + 10 * n, at + 4_005 + 10 * n) for n in range(30)]
                for one in work:
                    recording.call("cudaLaunchKernel", at + 1, at + 9, one)
            recording.store(database, name)
        yield database


def shown(thing: Any) -> Tags:
    html = thing._repr_html_()
    assert isinstance(html, str)
    return Tags(html)


def sides(db: Database) -> tuple[str, str]:
    before, after = db.sql("SELECT trace FROM traces ORDER BY trace DESC")["trace"]
    return before, after


def test_an_answer_is_a_table_in_which_names_are_text(db: Database) -> None:
    tags = shown(db.ask("top_kernels", limit=None))
    assert tags.names == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert "onerror=alert(2)>\\x1b[31m" in tags.text
    assert "(20 of 62 rows)" in tags.text


def test_a_comparison_shows_what_changed_and_says_what_is_equal(db: Database) -> None:
    found = db.compare(*sides(db))
    tags = shown(found)
    assert tags.names == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.text.startswith("What differs between before k</script>")
    changed, every = found.changed().height, found.differences.height
    assert 0 < changed < every
    assert f"{every - changed:,} of {every:,} measures are equal." in tags.text
    assert re.search(rf"\((20 of )?{changed:,} rows\)", tags.text)
    # 6 × 2,000 ns more than 6 × 980 ns.
    assert "12,000" in tags.text and "204.08" in tags.text


def test_a_verdict_begins_with_its_sentence(db: Database) -> None:
    found = db.verdict(*sides(db), gate=5)
    assert found.outcome == "worse"
    tags = shown(found)
    assert tags.names == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.text.startswith(values.readable(found.sentence))
    assert f"{len(found.apart)} effects not judged." in tags.text


def test_findings_are_a_list_with_remedies_that_says_how_many_are_left(db: Database) -> None:
    found = db.why(*sides(db), limit=1)
    assert len(found) == 1 and found.more >= 1
    tags = shown(found)
    assert tags.names <= {"ol", "li", "b", "br", "code", "p"}
    assert values.readable(found.found[0].remedy) in tags.text
    assert f"1 of {1 + found.more} findings" in tags.text
    assert HOSTILE not in found._repr_html_()


@pytest.mark.long
def test_a_chart_runs_no_script_of_a_name(db: Database) -> None:
    """Altair writes the data into a script and escapes nothing: what would end that is written out."""
    for chart in (db.chart("top_kernels"), db.ask("top_kernels").chart()):
        bundle = chart._repr_mimebundle_()
        html = (bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"]
        assert "onerror=alert(2)" in html
        assert html.count("</script>") == html.count("<script ")
        assert "</script><" not in html and "<!--" not in html
        assert "<\\/script>" in chart.to_dict()["datasets"].__repr__().replace("\\\\", "\\")


@pytest.mark.long
def test_a_hundred_thousand_rows_are_twenty_and_their_number() -> None:
    with empty() as database:
        recording = Recording()
        for n in range(10):
            recording.call("cudaLaunchKernel", 10 * n, 10 * n + 5, kernel(f"k{n}", 10 * n + 6, 10 * n + 9))
        recording.store(database, "run")
        # Each of ten rows ten thousand times: what is asked is not what is tested.
        answer = database.ask("cuda_api_trace")
        many = dataclasses.replace(
            answer, table=pa.concat_tables([answer.table] * (ROWS // 10)), total_rows=ROWS
        )
    assert len(many) == ROWS
    html = many._repr_html_()
    assert len(html) < 20_000
    assert html.count("<tr>") == 21
    assert "(20 of 100,000 rows)" in html


def test_a_text_of_a_megabyte_is_cut() -> None:
    html = formats.html(pa.table({"a<b>": ["x" * 1_000_000]}), "t", [], 1)
    assert len(html) < 10_000
    assert "more, " in html and "a&lt;b&gt;" in html


def test_the_repr_of_an_answer_is_one_line(db: Database) -> None:
    assert repr(db.ask("top_kernels", trace="after*", limit=3)) == "<Answer top_kernels: 3 of 31 rows>"
