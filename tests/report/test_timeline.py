"""The timeline of a page: what is packed for its script, and what that draws in Chromium, by pixels and by its panel."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import browsers
import pytest
from made.nsys import Recording, copy, kernel
from made.store import empty
from shipped import REPORTS
from test_browser import Opened, overflow
from test_page import HOSTILE, Parsed

import traceql
from traceql.ask.answer import Once
from traceql.draw import theme
from traceql.report import drawing, timeline
from traceql.report.page import Page, Section, Trouble, html

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from traceql import Database

EAGER = REPORTS / "llama_eager.nsys-rep.xz"


def unpacked(text: str) -> tuple[dict[str, Any], list[list[int]]]:
    """The head and the columns of what was packed."""
    raw = zlib.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", raw)
    head = json.loads(raw[4 : 4 + length])
    at, columns = 4 + length, []
    for number, planes in enumerate(head["planes"]):
        count = head["events"] if number < 6 else head["stretches"]
        folded = [0] * count
        for plane in range(planes):
            folded = [
                value | byte << 8 * plane for value, byte in zip(folded, raw[at : at + count], strict=True)
            ]
            at += count
        columns.append([-(value + 1) // 2 if value % 2 else value // 2 for value in folded])
    assert at == len(raw)
    return head, columns


def sums(deltas: list[int], first: int = 0) -> list[int]:
    return [first + total for total in itertools.accumulate(deltas)]


def packed(database: Database, **params: Any) -> tuple[dict[str, Any], list[list[int]]]:
    events, shares = (database.ask(name, **params) for name in timeline.QUESTIONS)
    return unpacked(timeline.packed(events, shares, "a"))


# --- what is packed -------------------------------------------------------------------------------------

LATE = 5_000_000_000_000


@pytest.fixture(scope="module")
def two_lanes() -> Database:
    made = empty()
    recording = (
        Recording()
        .range("step", 0, LATE)
        .call("cudaLaunchKernel", 30, 40, kernel("gemm", 20, 50, registers=40))
        .work(copy("Device-to-Host", LATE, LATE + 7, 1 << 40), kernel("add", 60, 60))
    )
    recording.store(made, "a")
    return made


@pytest.mark.long
def test_what_is_packed_is_what_the_question_answers(two_lanes: Database) -> None:
    head, (starts, lengths, whats, places, queues, sizes, *_) = packed(two_lanes)
    answer = two_lanes.query("timeline_events")
    assert sums(starts, head["first"]) == answer["start_ns"].to_list()
    assert lengths == answer["duration_ns"].to_list()
    assert sizes == answer["bytes"].fill_null(0).to_list()
    # Of a kernel that began before its launch had returned it is below zero.
    assert queues == answer["queue_ns"].fill_null(0).to_list() and -20 in queues
    texts = head["texts"]
    assert [texts[head["whats"][what][0]] for what in whats] == answer["name"].to_list()
    assert [texts[head["whats"][what][6]] for what in whats] == answer["registers_per_thread"].to_list()
    assert [texts[head["places"][place][1]] for place in places] == answer["path"].to_list()
    assert [(lane["name"], lane["rows"]) for lane in head["lanes"]] == list(
        answer.group_by("lane", maintain_order=True).len().iter_rows()
    )


def test_a_launch_that_nobody_saw_return_did_not_return_as_its_work_began() -> None:
    made = empty()
    recording = Recording().call("cudaLaunchKernel", 10, 5, kernel("unseen", 20, 30))
    recording.call("cudaLaunchKernel", 40, 45, kernel("seen", 45, 50)).store(made, "a")
    head, (_, _, whats, _, queues, *_) = packed(made)
    names = [head["texts"][head["whats"][what][0]] for what in whats]
    assert [names[number] for number in head["unreturned"]] == ["unseen"]
    assert queues[names.index("seen")] == 0


@pytest.mark.long
def test_lanes_that_are_left_out_are_packed_as_shares(two_lanes: Database) -> None:
    head, (*_, numbers, busy, begun, whats, _) = packed(two_lanes, max_events=0)
    shares = two_lanes.query("timeline_shares", max_events=0)
    assert head["events"] == 0
    assert [head["first"] + number * head["width"] for number in sums(numbers)] == shares[
        "start_ns"
    ].to_list()
    assert busy == shares["busy_ns"].to_list() and begun == shares["events"].to_list()
    assert [head["texts"][head["whats"][what][0]] for what in whats] == shares["name"].to_list()
    assert not any(lane["whole"] for lane in head["lanes"])
    assert {lane["events"] for lane in head["lanes"]} == {1, 3}


@pytest.mark.long
def test_ranges_in_ranges_stand_below_them() -> None:
    made = empty()
    Recording().range("a", 0, 9).range("b", 1, 8).range("c", 2, 3).range("d", 4, 5, style="startend").store(
        made, "a"
    )
    head, _ = packed(made)
    assert [(lane["name"], lane["below"]) for lane in head["lanes"]] == [
        ("thread 1 NVTX start/end", False),
        ("thread 1 NVTX depth 0", False),
        ("thread 1 NVTX depth 1", True),
        ("thread 1 NVTX depth 2", True),
    ]


@pytest.mark.long
def test_names_are_cut_and_control_characters_written_out() -> None:
    made = empty()
    Recording().work(kernel("k" * 1_000_000, 0, 1), kernel("a\x1b</script>\u202e", 2, 3)).store(made, "a")
    events, shares = (made.ask(name) for name in timeline.QUESTIONS)
    text = timeline.packed(events, shares, "a")
    head, _ = unpacked(text)
    assert max(len(one) for one in head["texts"] if isinstance(one, str)) <= 4_000
    assert "a\\x1b</script>\\u202e" in head["texts"]
    assert len(text) < 4_000


def test_the_page_says_where_nothing_is_to_be_seen() -> None:
    made = empty()
    Recording().duration(5).store(made, "a")
    page = Parsed(made.report("a"))
    assert not [attrs for _, attrs in page.elements if "data-timeline" in attrs]
    assert "What happened when on each stream and thread, event by event?" in page.text


# --- what is drawn --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as started:
        yield started


BUSY_PCT = 28


def short_kernels() -> Recording:
    """A GPU that is busy 28 % of each of 10,000 stretches; a range around the first half."""
    made = Recording().range("step", 0, 500_000)
    made.call(
        "cudaLaunchKernel",
        3,
        7,
        kernel(
            "first", 0, BUSY_PCT, full="void first<int>()", grid=(2, 3, 4), block=(64, 1, 1), registers=40
        ),
    )
    return made.work(*(kernel("later", 100 * n, 100 * n + BUSY_PCT) for n in range(1, 10_000)))


def opened(
    browser: Browser,
    folder: Path,
    made: Recording,
    width: int = 1366,
    scheme: str = "light",
    troubles: tuple[Trouble, ...] = (),
    **params: Any,
) -> Opened:
    """The timeline of a recording alone on a page."""
    database = empty()
    made.store(database, "a")
    with drawing.begun() as drawer:
        (section,) = timeline.of_trace(Once(database._asker), drawer, "a", params, "t1", troubles)()
    assert isinstance(section, Section)
    file = folder / "page.html"
    file.write_text(html(Page("Timeline", "", (section,))), encoding="utf-8")
    shown = Opened(browser, file, width, color_scheme=scheme)
    shown.page.wait_for_selector("[data-timeline][data-drawn]")
    return shown


#: Alphas of the pixels through the middle of a lane.
ALPHAS = """
(name) => {
  const place = document.querySelector("[data-timeline]");
  const row = place.rows().find((one) => (one.lane ?? one.mark)?.name === name);
  const canvas = place.querySelector("canvas");
  const data = canvas.getContext("2d").getImageData(0, row.y + 3, canvas.width, 1).data;
  return [...data].filter((_, i) => i % 4 === 3);
}
"""
STREAM = "GPU 0 stream 7"


def show(shown: Opened, start: int, end: int) -> None:
    shown.page.evaluate(
        """([from, to]) => new Promise((done) => {
            document.querySelector("[data-timeline]").show(from, to);
            requestAnimationFrame(() => requestAnimationFrame(done));
        })""",
        [start, end],
    )


def click(shown: Opened, ns: int, lane: str = STREAM) -> str:
    """Clicks on a lane at a time; what the panel says then."""
    shown.page.locator("[data-timeline] canvas").scroll_into_view_if_needed()
    x, y = shown.page.evaluate(
        """([ns, name]) => {
            const place = document.querySelector("[data-timeline]");
            const row = place.rows().find((one) => ((one.lane ?? one.mark)?.name ?? one.process) === name);
            const box = place.querySelector("canvas").getBoundingClientRect();
            const part = (ns - place.view.from) / (place.view.to - place.view.from);
            return [box.left + part * box.width, box.top + row.y + row.height / 2];
        }""",
        [ns, lane],
    )
    shown.page.mouse.click(x, y)
    # The panel takes its room, and what is beside it is drawn anew.
    shown.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return shown.page.locator("[data-timeline] .panel").inner_text()


@pytest.mark.long
@pytest.mark.parametrize("params", [{}, {"max_events": 100}], ids=["events", "shares"])
def test_a_gpu_that_is_busy_28_percent_is_28_percent_of_solid(
    browser: Browser, tmp_path: Path, params: dict[str, Any]
) -> None:
    with opened(browser, tmp_path, short_kernels(), **params) as shown:
        alphas = shown.page.evaluate(ALPHAS, STREAM)
        assert len(alphas) > 1_000
        middle = sorted(alphas)[len(alphas) // 2]
        assert abs(100 * middle / 255 - BUSY_PCT) < 3
        assert max(alphas) < 0.5 * 255
        assert abs(sum(alphas) / len(alphas) / 255 * 100 - BUSY_PCT) < 1
        assert shown.messages == []


@pytest.mark.long
def test_nothing_has_a_minimum_width(browser: Browser, tmp_path: Path) -> None:
    made = Recording().work(
        kernel("tiny", 500_000, 500_001), kernel("end", 999_999, 1_000_000), kernel("a", 0, 1)
    )
    with opened(browser, tmp_path, made) as shown:
        assert max(shown.page.evaluate(ALPHAS, STREAM)) <= 1
        # Seen from near, it is as wide as it is long.
        show(shown, 499_996, 500_006)
        alphas = shown.page.evaluate(ALPHAS, STREAM)
        solid = [x / len(alphas) for x, alpha in enumerate(alphas) if alpha == 255]
        assert 0.39 < min(solid) < 0.41 and 0.49 < max(solid) < 0.51
        assert {alpha for alpha in alphas if alpha not in (0, 255)} == set() or sum(
            0 < alpha < 255 for alpha in alphas
        ) <= 2


@pytest.mark.long
def test_a_kernel_is_told_with_all_that_launched_it_and_the_question_that_asks_for_it(
    browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, tmp_path, short_kernels()) as shown:
        show(shown, 0, 1_000)
        told = click(shown, 14)
        for word in (
            "first",
            "void first<int>()",
            "2 × 3 × 4",
            "64 × 1 × 1",
            "40",
            "step",
            "cudaLaunchKernel",
        ):
            assert word in told
        assert "Start\n0 ns" in told and "Duration\n28 ns" in told
        # It began before the launch returned.
        assert "After the launch returned\n-7 ns" in told
        assert "traceql query timeline-events --trace a --from 0ns --to 28ns" in told
        view = shown.page.locator("[data-timeline] [data-view]").inner_text()
        assert view == "traceql view a --from 0ns --to 1000ns"


@pytest.mark.long
def test_the_lane_that_is_told_by_shares_says_so_and_a_click_tells_of_a_stretch(
    browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, tmp_path, short_kernels(), max_events=100, max_stretches=50) as shown:
        told = click(shown, 500_000)
        assert "Mostly other: later" in told
        assert "Busy\n28.0 %" in told
        assert "Events that begin in it" in told and "--max-events NULL" in told


@pytest.mark.long
def test_a_search_counts_and_leads_to_the_next(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, short_kernels()) as shown:
        search = shown.page.locator("[data-timeline] input[type=search]")
        search.fill("LATER")
        assert shown.page.locator("[data-timeline] .found").inner_text() == "9,999 events"
        search.press("Enter")
        panel = shown.page.locator("[data-timeline] .panel")
        assert "Start\n100 ns" in panel.inner_text()
        search.press("Enter")
        assert "Start\n200 ns" in panel.inner_text()


@pytest.mark.long
def test_one_event_is_not_called_events(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, short_kernels()) as shown:
        shown.page.locator("[data-timeline] input[type=search]").fill("first")
        assert shown.page.locator("[data-timeline] .found").inner_text() == "1 event"


@pytest.mark.long
def test_a_search_leads_through_all_lanes_to_where_it_is_seen_and_begins_again(
    browser: Browser, tmp_path: Path
) -> None:
    """What begins at one time in many lanes is found in each, and what is below what is shown comes up."""
    found = [kernel("wanted", 50, 60, stream=n) for n in (3, 90, 200)]
    made = Recording().work(*(kernel("a", n, n + 5, stream=n) for n in range(300)), *found)
    with opened(browser, tmp_path, made) as shown:
        search = shown.page.locator("[data-timeline] input[type=search]")
        search.fill("wanted")
        panel = shown.page.locator("[data-timeline] .panel")
        for stream in (3, 90, 200, 3):
            search.press("Enter")
            assert f"Lane\nGPU 0 stream {stream}\n" in panel.inner_text()
            shown.page.wait_for_timeout(100)
            seen = shown.page.evaluate(
                """(name) => {
                    const place = document.querySelector("[data-timeline]");
                    const scroller = place.querySelector(".lanes");
                    const row = place.rows().find((one) => one.lane?.name === name);
                    return [row.y - row.label - scroller.scrollTop,
                            scroller.scrollTop + scroller.clientHeight - row.y - row.height];
                }""",
                f"GPU 0 stream {stream}",
            )
            assert seen[0] >= 20 and seen[1] >= 0


def legend(shown: Opened) -> dict[str, str]:
    """What the legend says → its colour."""
    found: dict[str, str] = shown.page.evaluate(
        """Object.fromEntries([...document.querySelectorAll("[data-timeline] .legend li")].map(
            (item) => [item.textContent, item.querySelector("span").style.backgroundColor]))"""
    )
    return found


def in_css(color: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(color.removeprefix("#")))


@pytest.mark.long
def test_a_kind_of_work_has_the_colour_that_it_has_in_charts(browser: Browser, tmp_path: Path) -> None:
    """However much time it takes: the product takes the least here."""
    names = {"argmax": 40, "flash_attn": 30, "rms_norm": 20, "gemm": 10}
    ends = itertools.accumulate(names.values())
    made = Recording().work(
        *(kernel(name, end - names[name], end) for name, end in zip(names, ends, strict=True)),
        copy("Device-to-Host", 200, 201, 1),
    )
    database = empty()
    made.store(database, "a")
    kinds = database.query("kernel_categories", trace="a")["category"]
    assert set(kinds) == {"gemm", "attention", "norm", "sampling"}
    known, colors = theme.hues(kinds)
    with opened(browser, tmp_path, made) as shown:
        told = legend(shown)
        assert {name: told[name] for name in known} == dict(zip(known, map(in_css, colors), strict=True))
        assert len({*told.values()}) == len(told) == 6 and "memcpy" in told


@pytest.mark.long
def test_a_kind_whose_colour_another_one_has_is_among_all_others(browser: Browser, tmp_path: Path) -> None:
    """There are seven colours: of two that share one, that with more time has it."""
    names = [
        "gemm",
        "flash_attn",
        "rms_norm",
        "silu",
        "rotary",
        "reshape_and_cache",
        "softmax",
        "gather",
        "x",
    ]
    made = Recording().work(
        *(kernel(name, 100 * n, 100 * n + 50 - n) for n, name in enumerate(names)),
    )
    with opened(browser, tmp_path, made) as shown:
        told = legend(shown)
        assert list(told)[:5] == ["gemm", "attention", "norm", "activation", "rope"]
        assert list(told)[-1] == "all others" and len({*told.values()}) == len(told) == 8


@pytest.mark.long
def test_without_work_on_a_gpu_calls_have_colours_by_their_names(browser: Browser, tmp_path: Path) -> None:
    made = Recording().os_call("read", 0, 10).os_call("poll", 20, 25)
    with opened(browser, tmp_path, made) as shown:
        assert [*legend(shown)] == ["read", "poll"]
        shown.page.locator("[data-timeline] select").select_option("category")
        assert [*legend(shown)] == ["ranges, and the CPU"]


@pytest.mark.long
@pytest.mark.parametrize("width", [380, 1366])
@pytest.mark.parametrize("end", [41, 377_000_000, 987_654_321_000])
def test_an_axis_of_time_has_some_times_that_do_not_lie_on_each_other(
    browser: Browser, tmp_path: Path, width: int, end: int
) -> None:
    made = Recording().work(kernel("a", 13, 14), kernel("b", end - 1, end))
    with opened(browser, tmp_path, made, width) as shown:
        written = shown.page.evaluate(
            """([from, to]) => new Promise((done) => {
                const place = document.querySelector("[data-timeline]");
                const context = place.querySelector("canvas").getContext("2d");
                const found = [];
                const write = context.fillText.bind(context);
                context.fillText = (text, x, y) => {
                    if (y === 8) found.push([x, x + context.measureText(text).width, text]);
                    write(text, x, y);
                };
                place.show(from, to);
                requestAnimationFrame(() => requestAnimationFrame(
                    () => done([found, place.querySelector("canvas").clientWidth])));
            })""",
            [13, end],
        )
        labels, room = written
        assert len(labels) >= (3 if width == 380 else 6)
        assert labels[0][0] >= 0 and labels[-1][1] <= room
        assert all(a[1] + 8 < b[0] for a, b in itertools.pairwise(labels))
        assert len({text for _, _, text in labels}) == len(labels)


@pytest.mark.long
def test_ctrl_and_the_wheel_zoom_keys_move_and_scrolling_is_left_to_the_page(
    browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, tmp_path, short_kernels()) as shown:
        canvas = shown.page.locator("[data-timeline] canvas")
        canvas.scroll_into_view_if_needed()

        def view() -> list[float]:
            shown.page.wait_for_timeout(100)
            found: list[float] = shown.page.evaluate(
                "Object.values(document.querySelector('[data-timeline]').view)"
            )
            return found

        whole = view()
        canvas.hover()
        shown.page.mouse.wheel(0, -120)
        assert view() == whole
        canvas.scroll_into_view_if_needed()
        canvas.hover()
        shown.page.keyboard.down("Control")
        shown.page.mouse.wheel(0, -120)
        shown.page.keyboard.up("Control")
        near = view()
        assert near[1] - near[0] < 0.9 * (whole[1] - whole[0])
        canvas.focus()
        canvas.press("ArrowRight")
        assert view()[0] > near[0]
        canvas.press("Home")
        assert view() == whole


@pytest.mark.long
def test_a_process_can_be_folded(browser: Browser, tmp_path: Path) -> None:
    made = short_kernels().process(1, "/opt/a_program_with_a_long_name")
    with opened(browser, tmp_path, made) as shown:
        lanes = "document.querySelector('[data-timeline]').rows().filter((row) => row.kind === 'lane').length"
        assert shown.page.evaluate(lanes) == 4
        click(shown, 500_000, "a_program_with_a_long_name 1")
        assert shown.page.evaluate(lanes) == 0
        click(shown, 500_000, "a_program_with_a_long_name 1")
        assert shown.page.evaluate(lanes) == 4


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_page_in_the_colours_of_the_page(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    made = short_kernels()
    with opened(browser, tmp_path, made, 380, scheme=scheme) as shown:
        assert overflow(shown.page) == 0
        show(shown, 0, 100)
        colour = shown.page.evaluate(
            """(name) => {
                const place = document.querySelector("[data-timeline]");
                const row = place.rows().find((one) => one.lane?.name === name);
                const pixels = place.querySelector("canvas").getContext("2d").getImageData(2, row.y + 2, 1, 1);
                return [...pixels.data];
            }""",
            STREAM,
        )
        # Of work of no known kind, as in charts.
        assert colour == {"light": [146, 152, 6, 255], "dark": [242, 215, 6, 255]}[scheme]


@pytest.mark.long
def test_hostile_names_stay_text_on_the_timeline(browser: Browser, tmp_path: Path) -> None:
    made = Recording().range(HOSTILE, 0, 50).process(1, HOSTILE).call("x", 1, 2, kernel(HOSTILE, 0, 40))
    with opened(browser, tmp_path, made) as shown:
        assert HOSTILE in click(shown, 20)
        assert shown.page.locator("img").count() == 0
        assert shown.dialogs == [] and shown.messages == []
        assert [url for url in shown.requests if not url.startswith("data:")] == [shown.address]


@pytest.mark.long
def test_what_is_wrong_is_marked_where_it_is(browser: Browser, tmp_path: Path) -> None:
    wrong = Trouble("t1-finding-1", "The GPU waits.", "", "", "", "", 250_000, 500_000)
    nowhere = Trouble("t1-finding-2", "Events were lost.", "", "", "", "")
    with opened(browser, tmp_path, short_kernels(), troubles=(wrong, nowhere)) as shown:
        marks = "document.querySelector('[data-timeline]').rows().filter((row) => row.kind === 'mark')"
        assert shown.page.evaluate(f"{marks}.map((row) => row.mark.name)") == ["The GPU waits."]
        told = click(shown, 400_000, "The GPU waits.")
        assert "The GPU waits." in told and "From\n250 µs" in told
        assert shown.page.locator("[data-timeline] .panel a").get_attribute("href") == "#t1-finding-1"
        # From a quarter to the half of the time.
        shares = [alpha > 0 for alpha in shown.page.evaluate(ALPHAS, "The GPU waits.")]
        first, last = shares.index(True) / len(shares), 1 - shares[::-1].index(True) / len(shares)
        assert 0.24 < first < 0.26 and 0.49 < last < 0.51


@pytest.mark.long
def test_the_page_of_a_real_trace_shows_a_gpu_that_mostly_waits_as_pale(
    browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "eager.html"
    with traceql.open(tmp_path / "x.duckdb") as database:
        database.ingest(EAGER, name="eager")
        file.write_text(database.report("eager"), encoding="utf-8")
    with Opened(browser, file) as shown:
        shown.page.wait_for_selector("[data-timeline][data-drawn]")
        first = "document.querySelector('[data-timeline]').rows()[0].mark.anchor"
        assert shown.page.evaluate(first) == "t1-finding-1"
        # While it decodes, the GPU is idle for 72 % of the time.
        alphas = shown.page.evaluate(ALPHAS, "GPU 0 NVIDIA H200 stream 7")
        decoding = alphas[len(alphas) // 3 :]
        assert 0.2 < sum(decoding) / len(decoding) / 255 < 0.35
        assert max(decoding) < 255
        assert shown.messages == []


@pytest.mark.long
@pytest.mark.parametrize(
    "made",
    [
        Recording().work(kernel("only", 5, 5)),
        Recording().os_call("read", 0, 10),
        Recording().range("step", 3, None),
        Recording().work(*(kernel("a", n, n + 5, stream=n) for n in range(300))),
    ],
    ids=["one event of no length", "no GPU", "a range without an end", "many lanes"],
)
def test_little_and_odd_is_drawn_without_complaint(browser: Browser, tmp_path: Path, made: Recording) -> None:
    with opened(browser, tmp_path, made, 380) as shown:
        shown.page.locator("[data-timeline] [data-zoom='0.5']").click()
        shown.page.locator("[data-timeline] select").select_option("name")
        shown.page.locator("[data-timeline] .lanes").evaluate("(one) => { one.scrollTop = 1e6; }")
        shown.page.wait_for_timeout(100)
        assert shown.messages == [] and overflow(shown.page) == 0
        assert shown.page.evaluate("document.querySelector('[data-timeline] .lanes').clientHeight") <= 900
