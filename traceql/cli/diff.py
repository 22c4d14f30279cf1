"""The command that compares: diff."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from traceql.cli.common import complete_trace, db_option, note
from traceql.cli.common import database as open_database
from traceql.cli.output import form_of, output_options, write, writing
from traceql.cli.query import place_options
from traceql.cli.sides import opened
from traceql.present.values import counted, human

if TYPE_CHECKING:
    import pyarrow as pa

    from traceql.ask.compare import Comparison

# Facts that the first line names where both sides share them.
_NAMED = ("profiler", "tool_version", "gpu", "highest_sm_clock")
# Columns of a table that are shown even where they say nothing.
_ALWAYS = ("measure", "baseline", "variant", "delta")


@click.command()
@click.argument("baseline", required=False, shell_complete=complete_trace)
@click.argument("variant", required=False, shell_complete=complete_trace)
@click.option(
    "-a",
    "more_baseline",
    multiple=True,
    metavar="TRACE",
    help="A run of BASELINE, beside it or alone; repeatable.",
)
@click.option(
    "-b",
    "more_variant",
    multiple=True,
    metavar="TRACE",
    help="A run of VARIANT, beside it or alone; repeatable.",
)
@click.option("--job", help="Compare the fastest rank of this job with the slowest.")
@click.option(
    "--topic",
    type=click.Choice(["trace", "kernel", "range", "api_call", "copy", "launch"]),
    help="Only this; launch is what ncu profiled.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="ncu metric to compare; repeatable. [default: time, DRAM bytes, L2 sectors]",
)
@click.option(
    "--names",
    type=click.Choice(["short", "full", "distinct"]),
    default="distinct",
    show_default=True,
    help="By which names kernels are told apart.",
)
@place_options
@click.option("--all", "all_", is_flag=True, help="Also list what is equal.")
@click.option(
    "--save", type=click.Path(dir_okay=False), help="Keep the whole comparison in this JSON file, too."
)
@db_option()
@output_options
def diff(
    baseline: str | None,
    variant: str | None,
    more_baseline: tuple[str, ...],
    more_variant: tuple[str, ...],
    job: str | None,
    topic: str | None,
    metrics: tuple[str, ...],
    names: str,
    all_: bool,
    save: str | None,
    db: str,
    format_: str | None,
    output: str | None,
    **place: str | None,
) -> None:
    """Say what differs between BASELINE and VARIANT, and first whether they were recorded alike.

    Both are traces of the database, or reports (files, folders, patterns) that are read for this once.
    A pattern of names or a tag such as mode=variant means every trace that has it. Several traces on a side
    are repeated runs of one thing: their means are compared, with a confidence interval. Of a job (--job) the
    sides are the rank that the others wait for and the one that waits most, see the query slowest-ranks.

    Timelines of nsys are compared in total and by kernel, NVTX range, API call and kind of copy; what ncu
    profiled in total, by kernel and launch by launch, matched by NVTX path, kernel name and number. Launches
    without a partner are listed. What is equal is only counted, unless --all is given. Notes say which
    counters moved with the time of what was profiled, as the query moved-with does. The exit status is 0 in
    any case.

    \b
    Examples:
      traceql diff baseline variant
      traceql diff before.ncu-rep after.ncu-rep --metric sm__warps_launched.sum
      traceql diff run1 new1 -a run2 -b new2 --topic kernel
      traceql diff -a run1 -a run2 -b new1 -b new2
      traceql diff before after --within step#3
      traceql diff --job train
      traceql diff mode=baseline mode=variant --format csv -o delta.csv
    """
    import pyarrow.compute as pc

    with ExitStack() as open_databases:
        if job is not None:
            if baseline or variant or more_baseline or more_variant:
                raise click.UsageError("--job names both sides: give it alone.")
            database = open_databases.enter_context(open_database(db))
            found = database.compare_ranks(job, topic=topic, names=names, **place)
            note(f"fastest rank of {job}: {found.baseline[0]}; slowest: {found.variant[0]}")
        else:
            given = _sides((baseline, variant), (more_baseline, more_variant))
            database, (before, after) = opened(open_databases, db, given)
            found = database.compare(before, after, topic=topic, metrics=metrics, names=names, **place)
    _say_whether_comparable(found)
    if save is not None:
        with writing(save) as file:
            file.write(found.to_json().encode())
    rows = found.differences if all_ else found.changed()
    answer = rows.to_arrow()
    if form_of(format_, output) in ("table", "md") and output is None:
        single = len(found.baseline) == len(found.variant) == 1
        for heading in answer["topic"].unique().to_pylist():
            click.echo(f"{heading}:")
            write(_readable(answer.filter(pc.equal(answer["topic"], heading)), single), format_, None)
            click.echo()
    else:
        write(answer, format_, output)
    _count(found)


def _sides(
    words: tuple[str | None, str | None], more: tuple[tuple[str, ...], tuple[str, ...]]
) -> list[list[str]]:
    """The traces of both sides, each by its argument, its option or both."""
    first, second = words
    if first is not None and second is None and not more[1]:
        # The one word stands for the side that no option names.
        first, second = (None, first) if more[0] else (first, None)
    sides = [
        [*([] if word is None else [word]), *others]
        for word, others in zip((first, second), more, strict=True)
    ]
    for side, argument, option in zip(sides, ("BASELINE", "VARIANT"), ("-a", "-b"), strict=True):
        if not side:
            raise click.UsageError(f"Missing argument '{argument}': name a trace, or one with {option}.")
    return sides


def _readable(answer: pa.Table, single: bool) -> pa.Table:
    """The answer about one topic without the columns that say nothing there."""
    idle = {name for name in answer.column_names if answer[name].null_count == answer.num_rows}
    idle |= {"topic"} | ({"baseline_runs", "variant_runs"} if single else set())
    return answer.select([name for name in answer.column_names if name not in idle or name in _ALWAYS])


def _say_whether_comparable(found: Comparison) -> None:
    facts = found.findings.to_dicts()
    shared = [row["baseline"] for row in facts if row["property"] in _NAMED and row["verdict"] == "same"]
    verdict = {True: "recorded alike", False: "recorded differently", None: "not known to be recorded alike"}
    sides = f"{', '.join(found.baseline)} and {', '.join(found.variant)}"
    note(f"{sides}: {verdict[found.alike]}; same: {', '.join(shared)}")
    alike: dict[tuple[str, str], list[str]] = {}
    for row in facts:
        if row["verdict"] != "same":
            both = f"{row['property']} ({human(row['baseline'])} | {human(row['variant'])})"
            alike.setdefault((row["verdict"], row["meaning"]), []).append(both)
    for (judgement, meaning), properties in alike.items():
        note(f"{judgement}: {', '.join(properties)}: {meaning}")
    for text in found.notes:
        note(text)


def _count(found: Comparison) -> None:
    """What the answer does not list, and what has no partner."""
    changed, measures = found.changed().height, found.differences.height
    if not changed:
        note(f"no difference in {counted(measures, 'measures')}")
    elif changed < measures:
        note(f"{measures - changed:,} of {measures:,} measures are equal")
    launches = found.differences.filter(topic="launch")
    if not launches.is_empty():
        key = ["path", "name", "process_number", "device_id", "instance", "found_in"]
        by_side = dict(launches.select(key).unique()["found_in"].value_counts().iter_rows())
        sides = ("both", "baseline only", "variant only")
        note("launches: " + ", ".join(f"{by_side.get(side, 0):,} in {side}" for side in sides))
