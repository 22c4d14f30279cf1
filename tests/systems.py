"""Tests of what a system does not have are left out there, and say what it is."""

from __future__ import annotations

import sys

import pytest


def posix(what: str) -> pytest.MarkDecorator:
    """The test needs `what`, which Windows does not have."""
    return pytest.mark.skipif(sys.platform == "win32", reason=f"Windows has no {what}")


def needs_posix(what: str) -> None:
    """As `posix`, for helpers and fixtures that a test calls."""
    if sys.platform == "win32":
        pytest.skip(f"Windows has no {what}")


def linux(what: str) -> pytest.MarkDecorator:
    """The test needs `what`, which only Linux has."""
    return pytest.mark.skipif(sys.platform != "linux", reason=f"only Linux has {what}")
