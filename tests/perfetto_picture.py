"""The picture of docs/perfetto.md: what `traceql view --ui` shows of a shipped report.

    python tests/perfetto_picture.py

takes Chromium and PERFETTO_UI (`.ci/perfetto-ui`), and writes docs/images/perfetto.png.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import browsers
from shipped import REPORTS
from viewing import pages, view

from traceql import Database

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FILE = Path(__file__).parents[1] / "docs" / "images" / "perfetto.png"
SIZE = (1400, 560)
# Names of the tracks, once they stand beside them.
TRACKS = """(() => {
  const shells = [...document.querySelectorAll(".track-shell")];
  return shells.length > 0 && shells.every((one) => one.title) && shells.map((one) => one.title);
})()"""
# Of a picture: its size, and the share of its points that have a colour.
COLOURS = """async (content) => {
  const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + content)).blob());
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const points = context.getImageData(0, 0, picture.width, picture.height).data;
  const coloured = [];
  for (let at = 0; at < points.length; at += 4) {
    const some = points.slice(at, at + 3);
    coloured.push(Math.max(...some) - Math.min(...some) > 40);
  }
  const first = coloured.slice(0, picture.width);
  return {size: [picture.width, picture.height], coloured: coloured.filter(Boolean).length / coloured.length, first};
}"""


def settled(page: Page) -> None:
    """Wait until two pictures, one after the other, are the same, and the tracks have their names."""
    page.frames[1].wait_for_function(TRACKS)
    before = b""
    while (now := page.screenshot()) != before:
        before = now
        page.wait_for_timeout(500)


def busy(page: Page, track: str) -> list[bool]:
    """Where on a track something runs, point by point from its left end to its right one."""
    settled(page)
    place = page.frames[1].evaluate(
        """(name) => {
          const shell = document.querySelector(`.track-shell[title="${name}"]`);
          const [all, own] = [shell.parentElement, shell].map((one) => one.getBoundingClientRect());
          return {x: own.right, y: all.y + all.height / 2 + 6, width: all.right - own.right, height: 1};
        }""",
        track,
    )
    row = base64.b64encode(page.screenshot(clip=place)).decode()
    assert page.context.browser is not None
    reader = page.context.browser.new_page()
    found: list[bool] = reader.evaluate(COLOURS, row)["first"]
    reader.close()
    return found


def draw(browser: Browser, ui: Path) -> bytes:
    """The picture."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "t.duckdb"
        with Database(store) as db:
            db.ingest(REPORTS / "llama_graph.nsys-rep.xz", name="llama_graph")
        with view("llama_graph", "--db", store, "--no-browser", "--ui", ui, "--from", "95ms") as shown:
            page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)))
            page.goto(shown.address)
            page.locator("#said").wait_for(state="hidden")
            settled(page)
            drawn = page.screenshot()
            page.close()
            return drawn


def main() -> None:
    with browsers.chromium() as browser, tempfile.TemporaryDirectory() as folder:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_bytes(draw(browser, pages(Path(folder) / "ui")))


if __name__ == "__main__":
    main()
