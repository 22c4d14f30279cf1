"""The command why: what is wrong with traces, and what to try."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.common import db_option, note
from traceql.cli.output import every_column, form_of, output_options, room_of_output, write, writing
from traceql.cli.query import OrNull, given, place_options
from traceql.cli.sides import database_of
from traceql.present.values import counted, readable
from traceql.questions.parameters import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from traceql.ask.findings import Findings


# What a person reads at a glance, however wide the terminal; and in a file.
_WIDTH = 100
# For a blank of a command, at which no line is broken; in what is readable there is none.
_GLUE = "\N{NO-BREAK SPACE}"
# Below it, words and what stands before them have no room.
_NARROWEST = 20


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=offers.trace)
@click.option("--limit", type=OrNull(int), default=10, show_default=True, help="Most findings; NULL for all.")
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CONFIG.JSON",
    help="The model that ran: products and attention are compared with their floors (traceql predict).",
)
@place_options
@db_option()
@partial(output_options, columns=lambda _: _columns())
def why(
    traces: tuple[str, ...],
    limit: int | None,
    model: Path | None,
    db: str,
    format_: str | None,
    output: str | None,
    **window: Any,
) -> None:
    """Say what is wrong with traces, and what to try.

    TRACE is a name, a pattern, a tag such as gpu=h200, or a report file. What could save most time comes
    first, each finding with its number, its place, and the command of the question that shows it. The time
    that could be saved is an upper bound, and those of several findings do not add up. Where nothing is
    wrong, that is said, with what was looked at; where something cannot be told, what would record it.

    \b
    Examples:
      traceql why run
      traceql why run.nsys-rep
      traceql why run --within 'decode*' --limit 3
      traceql why run --model config.json
      traceql why run --format json
      traceql --queries my_rules why run
    """
    from traceql.ask import findings, floors

    whose, beside = floors.model_of(model) if model else (None, "")
    if beside:
        note(f"weights are quantised as {beside} beside the configuration says.")
    with database_of(db, traces) as (database, words):
        told = findings.why(
            database._asker, words, limit=limit, window=given(PLACES["window"], window), model=whose
        )
    form = form_of(format_, output)
    if form not in ("table", "json") or every_column():
        for text in (*told.notes, *told.unknown):
            note(text)
        if told.more:
            note(_more(told))
        write(told.table(), format_, output)
        return
    text = told.to_json() if form == "json" else "\n".join(_lines(told, _room(output)))
    if output is None:
        click.echo(text)
        return
    with writing(output) as file:
        file.write(f"{text}\n".encode())


def _columns() -> tuple[str, ...]:
    from traceql.ask import findings

    return findings.COLUMNS


def _room(output: str | None) -> int:
    """How wide lines are: as a table; a file has room."""
    room = _WIDTH if output is not None else room_of_output()
    return max(_NARROWEST, min(room, _WIDTH))


def _lines(told: Findings, room: int) -> Iterator[str]:
    several = len(told.looked_at) > 1
    for number, one in enumerate(told, start=1):
        head = ", ".join(filter(None, [one.severity, one.saving]))
        yield from _wrapped(f"{number}. ", f"{one.sentence} ({head})", room)
        for name, text in (
            ("trace", one.trace if several else ""),
            ("where", one.where),
            ("try", one.remedy),
        ):
            if text:
                yield from _wrapped(f"   {name}: ", text, room, one.commands)
        # A command is copied: it stays one line.
        yield f"   see: {readable(one.command)}"
    if told.verdict:
        yield from _wrapped("", told.verdict, room)
    for text in told.notes:
        yield from _wrapped("", text, room)
    if told.more:
        yield _more(told)
    if told.questions():
        yield from _wrapped("Looked at: ", " ".join(told.questions()), room)
    for text in told.unknown:
        yield from _wrapped("", text, room)


def _more(told: Findings) -> str:
    return f"{counted(told.more, 'more findings')}: --limit gives more, --limit NULL all."


def _wrapped(head: str, text: str, room: int, commands: Sequence[str] = ()) -> list[str]:
    """Lines of so many columns at most, but for words and commands that are longer: those stay whole."""
    text = readable(text)
    for command in map(readable, commands):
        text = text.replace(command, command.replace(" ", _GLUE))
    lines = textwrap.wrap(
        text,
        room,
        initial_indent=head,
        subsequent_indent=" " * 5,
        break_long_words=False,
        # Names and options have them.
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]
