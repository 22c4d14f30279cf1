"""The picture of docs/charts.md: the timeline of a report's page, of a shipped report.

    python tests/timeline_picture.py

takes Chromium, and writes docs/images/timeline.png.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import browsers
from shipped import REPORTS

from traceql import Database

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FILE = Path(__file__).parents[1] / "docs" / "images" / "timeline.png"
WIDTH = 1000


def draw(browser: Browser) -> bytes:
    """The picture: of two decoding steps."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        with Database(Path(folder) / "t.duckdb") as db:
            db.ingest(REPORTS / "llama_graph.nsys-rep.xz", name="llama_graph")
            made = db.report("llama_graph", from_="95ms", to="130ms")
        page.write_text(made, encoding="utf-8")
        shown = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        shown.goto(page.as_uri())
        timeline = shown.locator("[data-timeline]")
        timeline.scroll_into_view_if_needed()
        shown.wait_for_timeout(500)
        before = b""
        while (now := timeline.screenshot()) != before:
            before = now
            shown.wait_for_timeout(300)
        shown.close()
        return now


def main() -> None:
    with browsers.chromium() as browser:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_bytes(draw(browser))


if __name__ == "__main__":
    main()
