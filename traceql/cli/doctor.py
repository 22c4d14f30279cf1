"""The command doctor: what is installed, and what is missing for which purpose."""

from __future__ import annotations

import sys

import click

from traceql.present.values import readable


@click.command()
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    help="Form of the output.",
)
def doctor(format_: str) -> None:
    """Say what is installed, what is missing for which purpose, and how to get it.

    Reading reports needs no GPU and none of NVIDIA's tools; NVIDIA's ncu-report package reads what traceql
    refuses. The exit status is 1 when something is missing for reading or for recording.
    """
    import dataclasses
    import json

    from traceql.record.doctor import checks

    found = checks()
    if format_ == "json":
        click.echo(json.dumps([dataclasses.asdict(check) for check in found], indent=1))
    else:
        width = max(len(check.name) for check in found)
        for check in found:
            mark = click.style("ok     ", fg="green") if check.ok else click.style("missing", fg="red")
            about = "; ".join(text for text in (check.version, check.remedy) if text)
            click.echo(f"{mark}  {check.name:{width}}  {check.purpose}: {readable(about)}")
    if any(not check.ok and check.purpose in ("reading", "recording") for check in found):
        sys.exit(1)
