"""What `traceql view` opens in a real browser: Perfetto's pages, with the trace in them and at its place."""

from __future__ import annotations

import base64
import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import browsers
import perfetto_picture
import perfetto_processor
import pytest
from made.nsys import Recording, kernel
from playwright.sync_api import Error
from viewing import pages, view

from traceql import Database
from traceql.share import perfetto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.long

UTC = 1_800_000_000_000_000_000
ELSEWHERE = "https://ui.perfetto.dev"
# What takes a trace as Perfetto's pages do, and keeps what it was given.
TAKES = """<!doctype html><title>takes</title><script>
window.pings = 0;
window.addEventListener("message", (event) => {
  if (event.data !== "PING") { window.given = event.data.perfetto; window.from = event.origin; return; }
  // The first ones are lost on those who do not listen yet.
  if (++window.pings > 2) event.source.postMessage("PONG", event.origin);
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    made = (
        Recording()
        .session(utc_ns=UTC)
        .duration(10_000_000)
        .process(1, "python")
        .thread(1, "main")
        .gpu(0, "NVIDIA H100")
        .range("step", 0, 1_000_000)
        .call("cudaLaunchKernel", 100, 2000, kernel("add", 3000, 1_500_000))
        .range("step", 5_000_000, 6_000_000)
        .call("cudaLaunchKernel", 5_000_100, 5_002_000, kernel("mul", 5_100_000, 7_000_000))
    )
    with Database(folder / "t.duckdb") as db:
        db.ingest(made.export(folder / "run.sqlite"), name="<i>run</i>")
    return folder / "t.duckdb"


def content(stored: Path) -> bytes:
    file = io.BytesIO()
    with Database(stored) as db:
        perfetto.write(db._asker, ["<i>run</i>"], file)
    return file.getvalue()


class Opened:
    """A page of the browser, and all that it asked for and complained about."""

    def __init__(self, browser: Browser, address: str, elsewhere: str | None = None) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 700})
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        if elsewhere is None:
            self.page.route(f"{ELSEWHERE}/**", lambda route: route.abort())
        else:
            self.page.route(
                f"{ELSEWHERE}/**", lambda route: route.fulfill(body=elsewhere, content_type="text/html")
            )
        self.page.goto(address)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()

    def inside(self, expression: str) -> Any:
        """What it is in the frame, once it is."""
        for _ in range(600):
            # The frame's first document is an empty one, which goes.
            with contextlib.suppress(Error, IndexError):
                if found := self.page.frames[1].evaluate(expression):
                    return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never came true: {expression}; {self.said()}; {self.complaints}")

    def said(self) -> str:
        return self.page.inner_text("#said")


def test_perfettos_pages_elsewhere_are_handed_the_trace_through_the_browser_alone(
    browser: Browser, stored: Path
) -> None:
    with (
        view("<i>run</i>", "--db", stored, "--no-browser", "--within", "step#1") as shown,
        Opened(browser, shown.address, TAKES) as opened,
    ):
        given = opened.inside("window.given && {...given, buffer: [...new Uint8Array(given.buffer)]}")
        assert bytes(given.pop("buffer")) == content(stored)
        assert given == {"title": "<i>run</i>", "shareable": False}
        here = opened.page.evaluate("location.origin")
        assert opened.inside("window.from") == here
        assert opened.inside("location.href") == (
            f"{ELSEWHERE}/#!/?visStart={UTC + 5_000_000}&visEnd={UTC + 7_000_000}"
        )
        assert opened.page.title() == "<i>run</i>"
        assert opened.said() == ""
        assert opened.complaints == []
        # Elsewhere, the frame alone is asked for, and does not learn the address.
        assert [one for one in opened.requests if not one.startswith(f"{here}/")] == [f"{ELSEWHERE}/"]
        assert opened.inside("'from ' + document.referrer") == "from "
        # The page can be loaded again, while the address that was printed is spent.
        opened.page.reload()
        assert opened.inside("window.given") is not None
        assert opened.page.request.get(shown.address).status == 410


def test_without_a_network_it_says_what_to_do(browser: Browser, stored: Path) -> None:
    with view("<i>run</i>", "--db", stored, "--no-browser") as shown:
        page = browser.new_page()
        page.route(f"{ELSEWHERE}/**", lambda route: route.abort())
        page.clock.install()
        page.goto(shown.address)
        for _ in range(100):
            page.clock.run_for(1000)
            if "--ui" in page.inner_text("#said"):
                break
        assert page.inner_text("#said").startswith(f"Nothing answers at {ELSEWHERE}/.")
        page.close()


def test_a_server_that_has_ended_is_said(browser: Browser, stored: Path) -> None:
    with (
        view("<i>run</i>", "--db", stored, "--no-browser") as shown,
        Opened(browser, shown.address, TAKES) as opened,
    ):
        assert opened.inside("window.given")
        opened.page.route("**/trace", lambda route: route.abort())
        opened.page.reload()
        opened.page.get_by_text("Is traceql view still running?").wait_for()


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if perfetto_processor.PLACE is None:
        pytest.skip(perfetto_processor.MISSING)
    return pages(tmp_path_factory.mktemp("perfetto") / "ui")


def test_a_copy_of_perfettos_pages_shows_the_tracks_at_the_place_and_asks_nobody_else(
    browser: Browser, stored: Path, ui: Path
) -> None:
    with (
        view("<i>run</i>", "--db", stored, "--no-browser", "--ui", ui, "--within", "step#1") as shown,
        Opened(browser, shown.address) as opened,
    ):
        names = opened.inside(perfetto_picture.TRACKS)
        assert {"CUDA API", "NVTX", "stream 7", "running kernels"} <= set(names)
        assert opened.inside("Object.values(globals.state.trackGroups).map((one) => one.name)") == [
            "python 1"
        ]
        visible = opened.inside(
            "(({start, end}) => [start, end])(globals.frontendLocalState.visibleWindowTime)"
        )
        # Seconds since 1970 as floating-point numbers, which are 238 ns apart.
        assert visible == pytest.approx([UTC / 1e9 + 0.005, UTC / 1e9 + 0.007], rel=0, abs=1e-6)
        assert opened.inside("document.title") == "<i>run</i>"
        here = opened.page.evaluate("location.origin")
        # It looks for a faster trace processor on this machine, which it may not reach.
        assert [one for one in opened.requests if not one.startswith((f"{here}/", "blob:"))] == []
        assert all("127.0.0.1:9001" in one for one in opened.complaints), opened.complaints


def test_what_perfettos_pages_draw_are_the_kernels_in_their_place(
    browser: Browser, stored: Path, ui: Path
) -> None:
    with (
        view(
            "<i>run</i>", "--db", stored, "--no-browser", "--ui", ui, "--from", "1ms", "--to", "6ms"
        ) as shown,
        Opened(browser, shown.address) as opened,
    ):
        opened.inside(perfetto_picture.TRACKS)
        busy = perfetto_picture.busy(opened.page, "stream 7")
        # Of 1 to 6 ms: add runs until 1.5, and mul from 5.1 on.
        for ms in (1.05, 1.3, 1.45, 1.55, 2, 3, 4, 5, 5.05, 5.15, 5.5, 5.9):
            assert busy[int((ms - 1) / 5 * len(busy))] == (ms < 1.5 or ms > 5.1), ms


def test_the_picture_of_the_docs_is_one_of_these_pages(browser: Browser, ui: Path) -> None:
    drawn = perfetto_picture.draw(browser, ui)
    shown = browser.new_page()
    found = shown.evaluate(perfetto_picture.COLOURS, base64.b64encode(drawn).decode())
    kept = shown.evaluate(
        perfetto_picture.COLOURS, base64.b64encode(perfetto_picture.FILE.read_bytes()).decode()
    )
    shown.close()
    assert found["size"] == kept["size"] == [1400, 560]
    # Letters differ between systems, and what is drawn does not.
    assert found["coloured"] == pytest.approx(kept["coloured"], rel=0.1)
    assert found["coloured"] > 0.05
    text = (perfetto_picture.FILE.parents[1] / "perfetto.md").read_text(encoding="utf-8")
    assert re.search(r"!\[.+\]\(images/perfetto\.png\)", text)
    assert "python tests/perfetto_picture.py" in text
