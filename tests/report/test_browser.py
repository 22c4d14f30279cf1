"""The report in a real browser: Debian's Chromium, headless, driven by playwright."""

from __future__ import annotations

import base64
import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import browsers
import perfetto_picture
import pytest
import timeline_picture
from test_page import HOSTILE, hostile_page

import traceql
from traceql import report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.long


EAGER = "llama_eager.sqlite.xz"
GRAPH = "llama_graph.sqlite.xz"
ROOFLINE = "llama_roofline.ncu-rep.xz"
KINDS = "kinds_full.ncu-rep.xz"
SOURCE = "kinds_source.ncu-rep.xz"
BASELINE = "scv_baseline_vectorized.ncu-rep.xz"
VARIANT = "scv_nwor_vectorized.ncu-rep.xz"
RANKS = ["nccl_rank0.sqlite.xz", "nccl_rank1.sqlite.xz"]

DRAWN = "[...document.querySelectorAll('[data-chart]')].every(p => p.dataset.drawn === 'true')"
# Marks are what Vega draws for data: paths, symbols and texts inside role-mark groups, axes and legends not.
MARKS = """
[...document.querySelectorAll('[data-chart]')].map(place => [
    place.dataset.chart,
    place.querySelectorAll('svg g[class*="role-mark"] path[d], svg g[class*="role-mark"] text').length,
])
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as started:
        yield started


class Opened:
    """A page that was opened from a file, and what it did beside showing itself."""

    def __init__(self, browser: Browser, file: Path, width: int = 1440, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page: Page = self.context.new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("console", lambda m: self.messages.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.messages.append(f"error: {e}"))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("dialog", lambda d: (self.dialogs.append(d.message), d.dismiss()))
        self.address = file.as_uri()
        self.page.goto(self.address)
        for _ in range(300):
            if self.page.evaluate(DRAWN):
                break
            self.page.wait_for_timeout(100)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture(scope="module")
def files(page_of: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "timeline": [EAGER],
        "counters": [ROOFLINE],
        "compared": [BASELINE, VARIANT],
        "kinds": [KINDS],
        "source": [SOURCE],
        "job": RANKS,
    }
    found = {}
    for name, traces in pages.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(page_of(*traces), encoding="utf-8")
    return found


@pytest.mark.parametrize("name", ["timeline", "counters", "compared", "job"])
def test_every_chart_has_marks_nothing_is_requested_and_nothing_complained_about(
    browser: Browser, files: dict[str, Path], name: str
) -> None:
    with Opened(browser, files[name]) as opened:
        marks = opened.page.evaluate(MARKS)
        assert len(marks) >= 4
        assert all(count > 0 for _, count in marks), marks
        assert opened.messages == []
        assert [url for url in opened.requests if not url.startswith("data:")] == [opened.address]


@pytest.mark.parametrize("name", ["timeline", "counters", "compared", "job"])
@pytest.mark.parametrize("width", [380, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(
    browser: Browser, files: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    with Opened(browser, files[name], width, color_scheme=scheme) as opened:
        for details in opened.page.query_selector_all("details"):
            details.evaluate("d => { d.open = true; }")
        assert overflow(opened.page) == 0
        background = opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
        # Charts take the colours of the page.
        label = opened.page.locator("[data-chart] svg g.role-axis-title text").first
        colour = label.evaluate("t => getComputedStyle(t).fill")
        assert colour == {"light": "rgb(28, 32, 36)", "dark": "rgb(232, 234, 237)"}[scheme]


#: What sticks out of the window and cannot be scrolled to, and texts that are wider than what holds them.
OUTSIDE = """
() => [...document.querySelectorAll("body *")].filter((one) => {
  const box = one.getBoundingClientRect();
  if (!box.width || one.closest(".skip, svg, #vg-tooltip-element")) return false;
  for (let around = one.parentElement; around; around = around.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(around).overflowX)) return false;
  }
  return box.right > document.documentElement.clientWidth + 1 || box.left < -1;
}).map((one) => one.outerHTML.slice(0, 100))
"""


@pytest.mark.parametrize("name", ["timeline", "compared", "kinds", "job"])
@pytest.mark.parametrize("width", [380, 1366, 1440])
def test_nothing_sticks_out_of_the_window(
    browser: Browser, files: dict[str, Path], name: str, width: int
) -> None:
    with Opened(browser, files[name], width) as opened:
        for details in opened.page.query_selector_all("details"):
            details.evaluate("d => { d.open = true; }")
        assert opened.page.evaluate(OUTSIDE) == []


def test_a_table_that_is_wider_than_its_place_says_so(browser: Browser, files: dict[str, Path]) -> None:
    hints = """() => [...document.querySelectorAll(".scroll")].map(
        (place) => [place.scrollWidth > place.clientWidth, !place.previousElementSibling.hidden])"""
    for width in (380, 1440):
        with Opened(browser, files["timeline"], width) as opened:
            for details in opened.page.query_selector_all("details"):
                details.evaluate("d => { d.open = true; }")
            opened.page.wait_for_timeout(300)
            found = opened.page.evaluate(hints)
            assert [told for _, told in found] == [wide for wide, _ in found]
            assert any(wide for wide, _ in found)
            assert width == 380 or not all(wide for wide, _ in found)


#: Texts of charts that stick out of their place, where nobody sees them.
CUT = """
() => [...document.querySelectorAll("[data-chart]")].flatMap((chart) => {
  const place = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("svg text")]
    .filter((text) => {
      const at = text.getBoundingClientRect();
      return at.width > 0 && (at.left < place.left - 1 || at.right > place.right + 1);
    })
    .map((text) => chart.dataset.chart + ": " + text.textContent);
})
"""


@pytest.mark.parametrize("name", ["kinds", "source"])
@pytest.mark.parametrize("width", [380, 1366])
def test_no_text_of_a_chart_is_cut_on_a_page_of_counters(
    browser: Browser, files: dict[str, Path], name: str, width: int
) -> None:
    with Opened(browser, files[name], width) as opened:
        assert opened.page.evaluate(CUT) == []
        assert overflow(opened.page) == 0


#: Texts of one chart that lie on each other.
LAID_ON = """
() => [...document.querySelectorAll("[data-chart]")].flatMap((chart) => {
  // Labels of axes without room are there, and not to be seen.
  const texts = [...chart.querySelectorAll("svg text")]
    .filter((text) => getComputedStyle(text).opacity > 0)
    .map((text) => [text.getBoundingClientRect(), text.textContent])
    .filter(([box, text]) => box.width > 0 && text.trim());
  return texts.flatMap(([a, one], number) => texts.slice(number + 1)
    .filter(([b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
    .map(([, other]) => `${chart.dataset.chart}: ${one} | ${other}`));
})
"""


@pytest.mark.parametrize("name", ["counters", "compared", "kinds"])
@pytest.mark.parametrize("width", [380, 1366])
def test_no_texts_of_a_chart_lie_on_each_other(
    browser: Browser, files: dict[str, Path], name: str, width: int
) -> None:
    with Opened(browser, files[name], width) as opened:
        assert opened.page.evaluate(LAID_ON) == []


def test_a_legend_is_one_line_where_the_page_has_room_for_it(
    browser: Browser, files: dict[str, Path]
) -> None:
    """The five counters of the samples: in one line on a wide page, and in whole words on a narrow one."""
    labels = """() => [...document.querySelectorAll("[data-chart='t1-pm_sampling'] .role-legend-label text")]
        .map((text) => [text.textContent, Math.round(text.getBoundingClientRect().top)])"""
    for width, lines in ((1366, 1), (380, 5)):
        with Opened(browser, files["kinds"], width) as opened:
            told = opened.page.evaluate(labels)
            assert len(told) == 5 and len({top for _, top in told}) == lines
            assert not any("…" in text for text, _ in told)


def test_a_button_lies_beside_the_command_that_it_copies(browser: Browser, files: dict[str, Path]) -> None:
    beside = """() => [...document.querySelectorAll(".code")].map((code) => {
        const [button, text] = ["button", "pre"].map((tag) => code.querySelector(tag).getBoundingClientRect());
        return [code.getBoundingClientRect().width > 0, text.right <= button.left, text.width > 100];
    })"""
    with Opened(browser, files["timeline"], 380) as opened:
        found = [told for is_seen, *told in opened.page.evaluate(beside) if is_seen]
        assert len(found) > 3 and all(all(told) for told in found)


def column(page: Page, table: str, number: int) -> list[str]:
    cells = page.locator(f"#{table} tbody tr:not([hidden]) td:nth-child({number})")
    return cells.all_inner_texts()


def test_a_click_on_a_head_sorts_numbers_as_numbers_and_texts_as_texts(
    browser: Browser, files: dict[str, Path]
) -> None:
    table = "t1-top_kernels-table"
    with Opened(browser, files["timeline"]) as opened:
        page = opened.page
        launches = page.locator(f"#{table} thead button").nth(1)
        launches.click()
        numbers = [int(text.replace(",", "")) for text in column(page, table, 2)]
        assert numbers == sorted(numbers, reverse=True)
        assert page.locator(f"#{table} th").nth(1).get_attribute("aria-sort") == "descending"
        # With the keyboard, too.
        launches.press("Enter")
        numbers = [int(text.replace(",", "")) for text in column(page, table, 2)]
        assert numbers == sorted(numbers)
        page.locator(f"#{table} thead button").first.click()
        names = column(page, table, 1)
        assert [n.lower() for n in names] == sorted(n.lower() for n in names)
        assert page.locator(f"#{table} th[aria-sort]").count() == 1


def test_a_filter_leaves_the_rows_that_hold_its_text(browser: Browser, files: dict[str, Path]) -> None:
    table = "t1-top_kernels-table"
    with Opened(browser, files["timeline"]) as opened:
        opened.page.locator(f"[data-filter={table}]").fill("NORM")
        names = column(opened.page, table, 1)
        assert names
        assert all("norm" in name.lower() for name in names)
        assert "rows" in opened.page.locator(f"[data-count={table}]").inner_text()


def test_the_query_can_be_copied(browser: Browser, files: dict[str, Path]) -> None:
    with Opened(browser, files["timeline"], permissions=["clipboard-read", "clipboard-write"]) as opened:
        figure = opened.page.locator("#t1-top_kernels")
        figure.locator("details.query summary").click()
        button = figure.locator("[data-copy]").first
        button.click()
        opened.page.wait_for_timeout(100)
        assert button.inner_text() in ("Copied", "Selected")


def test_hostile_names_stay_text(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "hostile.html"
    file.write_text(hostile_page(), encoding="utf-8")
    with Opened(browser, file) as opened:
        assert opened.page.locator("img").count() == 0
        assert opened.page.locator("h1").inner_text() == HOSTILE
        assert opened.dialogs == []
        assert opened.messages == []


@pytest.fixture(scope="module")
def hostile(unpacked: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real report whose most frequent kernel and whose ranges were given a hostile name."""
    folder = tmp_path_factory.mktemp("hostile")
    report_file = shutil.copy(unpacked(EAGER), folder / "hostile.sqlite")
    with contextlib.closing(sqlite3.connect(report_file)) as export:
        export.execute(
            """
            UPDATE StringIds SET value = ? WHERE id = (
                SELECT shortName FROM CUPTI_ACTIVITY_KIND_KERNEL GROUP BY 1 ORDER BY sum(end - start) DESC LIMIT 1
            )
            """,
            [HOSTILE],
        )
        export.execute("UPDATE NVTX_EVENTS SET text = ?, textId = NULL WHERE text = 'layer'", [HOSTILE])
        export.commit()
    page = folder / "hostile.html"
    with traceql.open(folder / "hostile.duckdb") as database:
        database.ingest(report_file, name=HOSTILE, tags={HOSTILE: HOSTILE})
        assert HOSTILE in database.query("top_kernels")["kernel"].to_list()
        assert HOSTILE in database.query("range_launches")["range"].to_list()
        page.write_text(report.of_traces(database._asker, [HOSTILE]), encoding="utf-8")
    return page


def test_hostile_kernel_and_range_names_stay_text_in_charts_and_tooltips(
    browser: Browser, hostile: Path
) -> None:
    with Opened(browser, hostile) as opened:
        page = opened.page
        assert page.locator("img").count() == 0
        assert HOSTILE in page.locator("#t1-top_kernels-table").inner_text()
        bar = page.locator("#t1-top_kernels [data-chart] svg g.mark-rect path").first
        bar.scroll_into_view_if_needed()
        bar.hover()
        page.wait_for_timeout(200)
        tip = page.locator("#vg-tooltip-element")
        assert HOSTILE in tip.inner_text()
        assert page.locator("img").count() == 0
        assert opened.dialogs == []
        assert opened.messages == []


def test_it_prints_without_what_only_a_screen_can_use(browser: Browser, files: dict[str, Path]) -> None:
    with Opened(browser, files["timeline"], color_scheme="dark") as opened:
        opened.page.emulate_media(media="print")
        assert not opened.page.locator("nav").is_visible()
        assert not opened.page.locator("details.query").first.is_visible()
        # On paper it is light, the charts included.
        background = opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert background == "rgb(255, 255, 255)"
        label = opened.page.locator("[data-chart] svg g.role-axis-title text").first
        assert label.evaluate("t => getComputedStyle(t).fill") == "rgb(28, 32, 36)"
        assert len(opened.page.pdf()) > 10_000


def test_everything_can_be_reached_with_the_keyboard(browser: Browser, files: dict[str, Path]) -> None:
    with Opened(browser, files["timeline"]) as opened:
        reached = set()
        for _ in range(60):
            opened.page.keyboard.press("Tab")
            reached.add(opened.page.evaluate("document.activeElement.tagName"))
        assert {"A", "BUTTON", "SUMMARY", "INPUT"} <= reached


def test_the_picture_of_the_docs_is_the_timeline_of_a_page(browser: Browser) -> None:
    shown = browser.new_page()
    found, kept = (
        shown.evaluate(perfetto_picture.COLOURS, base64.b64encode(picture).decode())
        for picture in (timeline_picture.draw(browser), timeline_picture.FILE.read_bytes())
    )
    shown.close()
    # Letters differ between systems, and with them how high the picture is; what is drawn does not.
    assert found["size"][0] == kept["size"][0]
    assert found["coloured"] == pytest.approx(kept["coloured"], rel=0.1)
    assert found["coloured"] > 0.01
    text = (timeline_picture.FILE.parents[1] / "charts.md").read_text(encoding="utf-8")
    assert "](images/timeline.png)" in text and "python tests/timeline_picture.py" in text
