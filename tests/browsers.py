"""A real browser for tests: Debian's Chromium, headless, driven by playwright."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; where there is none, the test is left out."""
    if CHROMIUM is None:
        pytest.skip("there is no browser: apt-get install chromium, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        # In a container Chromium has no user to drop its rights to.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
