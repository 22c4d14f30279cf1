"""What the tests of recordings share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fake_profilers
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with profilers that are played."""
    folder = tmp_path_factory.mktemp("bin")
    fake_profilers.install(folder)
    return folder


@pytest.fixture
def mode(fakes: Path) -> Iterator[Path]:
    """The file that says how they behave; gone at the end of the test."""
    yield fakes / "mode"
    (fakes / "mode").unlink(missing_ok=True)
