"""The command doctor: what is installed, and what is missing for which purpose."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from traceql.present.values import readable
from traceql.statuses import AT_FAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.record.doctor import Check

_MARKS = {True: ("ok", "green"), False: ("missing", "red")}


@click.command()
@click.option(
    "--recording", is_flag=True, help="End with status 1 if something is missing for recording, too."
)
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    help="Form of the output.",
)
def doctor(recording: bool, format_: str) -> None:
    """Say what is installed, what is missing for which purpose, and how to get it.

    Reading reports needs no GPU and none of NVIDIA's tools; NVIDIA's ncu-report package reads what traceql
    refuses. The exit status is 1 when something is missing for reading; with --recording, for recording, too.
    """
    import dataclasses
    import json

    from traceql.record.doctor import checks

    found = checks()
    if format_ == "json":
        click.echo(json.dumps([dataclasses.asdict(check) for check in found], indent=1))
    else:
        of_reading = [check for check in found if check.of_reading]
        of_recording = [check for check in found if not check.of_reading]
        _tell("Reading reports", "reading", of_reading)
        click.echo()
        _tell("Recording on this machine", "recording", of_recording)
    needed = ("reading", "recording") if recording else ("reading",)
    if any(not check.ok and check.purpose in needed for check in found):
        sys.exit(AT_FAULT)


def _tell(what: str, purpose: str, found: Sequence[Check]) -> None:
    """A section: whether it works, and each check."""
    lacking = [check.name for check in found if check.purpose == purpose and not check.ok]
    outcome = f"lacks {', '.join(lacking)}" if lacking else "has all that it needs"
    click.echo(f"{click.style(what, bold=True)}: {outcome}")
    width = max(len(check.name) for check in found)
    for check in found:
        word, colour = _MARKS[check.ok]
        about = "; ".join(text for text in (check.version, check.remedy) if text)
        mark = click.style(f"{word:<7}", fg=colour if check.purpose == purpose or check.ok else "yellow")
        also = "" if check.purpose == purpose else f" (only for {check.purpose})"
        click.echo(f"  {mark}  {check.name:{width}}  {readable(about)}{also}")
