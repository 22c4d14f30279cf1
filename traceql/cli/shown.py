"""How pictures and pages leave: into a file, or into the browser."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traceql.cli.common import F, note
from traceql.cli.output import writing
from traceql.errors import TraceqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def output_option(text: str) -> Callable[[F], F]:
    """The option ``-o`` of commands that make pictures and pages."""
    return click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True), help=text)


def check_output(output: str | None, suffixes: Sequence[str]) -> str:
    """The suffix of what is to be written; refused before any work is done."""
    if output is None:
        if not _desktop():
            raise click.UsageError("There is no browser to show it in: name a file with -o.")
        return suffixes[0]
    suffix = Path(output).suffix.lower()
    if suffix not in suffixes:
        raise click.UsageError(f"{output}: the file's name must end in {' or '.join(suffixes)}.")
    return suffix


def deliver(content: bytes, output: str | None) -> None:
    """Write what was made, or show it in the browser."""
    if output is None:
        _browse(content)
    else:
        with writing(output) as file:
            file.write(content)


def _desktop() -> bool:
    """Whether a browser can open: on Linux, whether there is a screen."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _browse(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="traceql-", suffix=".html", delete=False) as file:
        # The browser reads it after this process has ended.
        file.write(content)
    if click.launch(file.name) != 0:
        raise TraceqlError(
            f"{file.name}: no browser opened it", "Open it by hand, or write to a file with -o."
        )
    note(f"shown in the browser: {file.name}")
