"""The command that compares: diff."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import click

from traceql.cli import offers
from traceql.cli.arranged import Rows, sort_column
from traceql.cli.common import catalog, db_option, note
from traceql.cli.common import database as open_database
from traceql.cli.output import (
    every_column,
    form_of,
    keep_in_sight,
    offered_columns,
    output_options,
    write,
    write_parts,
    writing,
)
from traceql.cli.query import given as taken
from traceql.cli.query import place_options
from traceql.cli.sides import opened
from traceql.present.values import counted, readable
from traceql.questions.parameters import PLACES
from traceql.statuses import CANNOT_TELL, FAILED, OK

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from traceql.ask.compare import Comparison
    from traceql.ask.verdict import Judgement
    from traceql.database import Database

# Facts that the first line names where both sides share them.
_NAMED = ("profiler", "tool_version", "gpu", "highest_sm_clock")
# Columns of a table that are shown even where they say nothing.
_ALWAYS = ("measure", "baseline", "variant", "delta")
# Columns of a verdict that are shown for reading; the others are for programs.
_JUDGED = (
    "verdict",
    "topic",
    "path",
    "name",
    "measure",
    "effect_pct",
    "low_pct",
    "high_pct",
    "gate_pct",
    "share_pct",
    "matched",
    "reason",
)
_TOPICS = ("trace", "step", "range", "category", "kernel", "api_call", "copy", "launch")
# Topics of one form of the command alone.
_ONLY_JUDGED, _NEVER_JUDGED = ("step", "category"), ("api_call", "launch")
_STATUS = {"worse": FAILED, "cannot tell": CANNOT_TELL}


@click.command()
@click.argument("baseline", required=False, shell_complete=offers.trace)
@click.argument("variant", required=False, shell_complete=offers.trace)
@click.option(
    "-a",
    "more_baseline",
    multiple=True,
    metavar="TRACE",
    shell_complete=offers.trace,
    help="A run of BASELINE, beside it or alone; repeatable.",
)
@click.option(
    "-b",
    "more_variant",
    multiple=True,
    metavar="TRACE",
    shell_complete=offers.trace,
    help="A run of VARIANT, beside it or alone; repeatable.",
)
@click.option(
    "--job", shell_complete=offers.job, help="Compare the fastest rank of this job with the slowest."
)
@click.option(
    "--topic",
    type=click.Choice(_TOPICS),
    help="Only this; launch is what ncu profiled, steps and categories of kernels go with --gate.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    shell_complete=offers.named("metric"),
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
@click.option("--all", "all_", is_flag=True, help="Also list what is equal, or is not judged.")
@click.option(
    "--sort",
    metavar="COLUMN[:asc|:desc]",
    shell_complete=offered_columns(lambda options: _names(judged=bool(options.get("gate")))),
    help="Order the rows of a topic by this column: numbers by their size without sign, largest first; "
    "COLUMN:asc and COLUMN:desc by the numbers themselves.",
)
@click.option(
    "--limit", type=Rows(), metavar="ROWS", help="Most rows of a topic, or of verdicts; NULL for all."
)
@click.option(
    "--gate",
    metavar="FILE|PERCENT%",
    help="Judge instead: better, worse, same or cannot tell, beside what a change may cost.",
)
@click.option(
    "--junit", type=click.Path(dir_okay=False), help="With --gate: write the verdicts as JUnit XML, too."
)
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False),
    help="With --gate: write a summary for a pull request, too.",
)
@click.option(
    "--save", type=click.Path(dir_okay=False), help="Keep the whole comparison in this JSON file, too."
)
@db_option()
@partial(output_options, columns=lambda options: _names(judged=bool(options.get("gate"))))
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
    sort: str | None,
    limit: int | None,
    gate: str | None,
    junit: str | None,
    markdown: str | None,
    save: str | None,
    db: str,
    format_: str | None,
    output: str | None,
    **place: str | None,
) -> int:
    """Say what differs between BASELINE and VARIANT, and first whether they were recorded alike.

    Both are traces of the database, or reports (files, folders, patterns) that are read for this once.
    A pattern of names or a tag such as mode=variant means every trace that has it. Several traces on a side
    are repeated runs of one thing: their means are compared, with a confidence interval. Of a job (--job) the
    sides are the rank that the others wait for and the one that waits most, see the query slowest-ranks.

    Timelines of nsys are compared in total and by kernel, NVTX range, API call and kind of copy; what ncu
    profiled in total, by kernel and launch by launch, matched by NVTX path, kernel name and number. Launches
    without a partner are listed. What is equal is only counted, unless --all is given. Notes say which
    counters moved with the time of what was profiled, as the query moved-with does.

    With --gate, times on the GPU are judged: in total, by step, range, kind of kernel, kernel and copy. The
    gate is what a change may cost: a percentage for all of them, or a FILE, whose form traceql check
    regression --show shows. What both sides have is compared, with a 95 % confidence interval: worse is what
    lies above the gate with all of its interval, better what lies below minus the gate, same what lies
    between. With several traces on both sides the interval is that between runs, else that within one; the
    query effects says how. What one side has alone counts in the steps that hold it; where it is in none and
    is more than the gate, the total cannot be told. The verdict is worse if one is, else cannot tell if one
    cannot be told, else better if one is, else same.

    The exit status is 0; with --gate, as that of traceql check, 3 if it is worse, and 4 if nobody can tell.

    \b
    Examples:
      traceql diff baseline variant
      traceql diff before.ncu-rep after.ncu-rep --metric sm__warps_launched.sum
      traceql diff run1 new1 -a run2 -b new2 --topic kernel --sort delta_pct --limit 10
      traceql diff -a run1 -a run2 -b new1 -b new2
      traceql diff before after --within step#3
      traceql diff --job train
      traceql diff mode=baseline mode=variant --format csv -o delta.csv
      traceql diff before.nsys-rep after.nsys-rep --gate 5%
      traceql diff baseline=main after --gate regression.toml --junit gate.xml --markdown gate.md
    """
    import pyarrow.compute as pc

    _refuse_what_does_not_go_together(gate, topic, metrics, save, junit, markdown)
    if sort is not None:
        sort_column(sort, _names(judged=gate is not None))
    with ExitStack() as open_databases:
        if job is not None:
            if baseline or variant or more_baseline or more_variant:
                raise click.UsageError("--job names both sides: give it alone.")
            database, sides = open_databases.enter_context(open_database(db)), None
        else:
            words = _sides((baseline, variant), (more_baseline, more_variant))
            database, sides = opened(open_databases, db, words)
        if gate is not None:
            judgement = _judge(database, sides, job, gate, topic, names, place)
        elif sides is None:
            found = database.compare_ranks(str(job), topic=topic, names=names, **place)
            note(f"fastest rank of {job}: {found.baseline[0]}; slowest: {found.variant[0]}")
        else:
            found = database.compare(sides[0], sides[1], topic=topic, metrics=metrics, names=names, **place)
    if gate is not None:
        _show(judgement, all_, sort, limit, format_, output)
        _write_forms(judgement, junit, markdown)
        return _STATUS.get(judgement.outcome, OK)
    _say_whether_comparable(found)
    if save is not None:
        with writing(save) as file:
            file.write(found.to_json().encode())
    rows = _arranged(found.differences if all_ else found.changed(), sort, limit)
    answer = rows.to_arrow()
    if form_of(format_, output) in ("table", "md") and output is None:
        single = len(found.baseline) == len(found.variant) == 1
        parts = []
        for heading in answer["topic"].unique().to_pylist():
            of_topic = answer.filter(pc.equal(answer["topic"], heading))
            parts.append((heading, of_topic if every_column() else _readable(of_topic, single)))
        write_parts(parts, format_)
    else:
        write(answer, format_, output)
    _count(found)
    return 0


def _names(*, judged: bool) -> list[str]:
    """The columns of the answer."""
    if judged:
        from traceql.ask import verdict

        return list(verdict.columns())
    return [column.name for column in catalog().find("diff").columns]


def _refuse_what_does_not_go_together(
    gate: str | None,
    topic: str | None,
    metrics: tuple[str, ...],
    save: str | None,
    junit: str | None,
    markdown: str | None,
) -> None:
    if gate is None:
        for option, value in (("--junit", junit), ("--markdown", markdown)):
            if value is not None:
                raise click.UsageError(f"{option} is for verdicts: name a gate with --gate.")
        if topic in _ONLY_JUDGED:
            raise click.UsageError(f"--topic {topic} is for verdicts: name a gate with --gate.")
        return
    for option, given in (("--metric", metrics), ("--save", save)):
        if given:
            raise click.UsageError(f"{option} does not go with --gate, which judges times.")
    if topic in _NEVER_JUDGED:
        raise click.UsageError(f"--topic {topic} does not go with --gate, which judges times on the GPU.")


def _judge(
    database: Database,
    sides: list[list[str]] | None,
    job: str | None,
    gate: str,
    topic: str | None,
    names: str,
    place: dict[str, str | None],
) -> Judgement:
    if sides is not None:
        return database.verdict(sides[0], sides[1], gate=gate, topic=topic, names=names, **place)
    from traceql.ask import check_files, compare, verdict

    gates = check_files.gates(gate, database._catalog)
    of_ranks, fastest, slowest = compare.ranks(database._asker, str(job), taken(PLACES["window"], place))
    note(f"fastest rank of {job}: {fastest}; slowest: {slowest}")
    return verdict.judge(of_ranks, [fastest], [slowest], gates, topic=topic, names=names)


def _show(
    judgement: Judgement,
    all_: bool,
    sort: str | None,
    limit: int | None,
    format_: str | None,
    output: str | None,
) -> None:
    _say_whether_comparable(judgement)
    rows = _arranged(judgement.frame(all_=all_), sort, limit, within=None)
    if form_of(format_, output) in ("table", "md") and output is None:
        said = [name for name in _JUDGED if rows[name].null_count() < rows.height]
        sorted_by = [sort_column(sort, rows.columns)[0]] if sort else []
        said += [name for name in sorted_by if name not in said]
        if not every_column():
            rows = rows.select(said if rows.height else _JUDGED)
    write(rows.to_arrow(), format_, output)
    if judgement.apart and not all_:
        note(f"not judged, see --all: {counted(len(judgement.apart), 'effects')}")
    click.echo(readable(judgement.sentence), err=True)


def _write_forms(judgement: Judgement, junit: str | None, markdown: str | None) -> None:
    from traceql.ask import pull_request

    for path, form in ((junit, pull_request.junit), (markdown, pull_request.markdown)):
        if path is not None:
            with writing(path) as file:
                file.write(form(judgement).encode())


def _arranged(
    rows: pl.DataFrame, sort: str | None, limit: int | None, within: str | None = "topic"
) -> pl.DataFrame:
    """The rows in the order that is asked for, and no more of each topic than that."""
    import polars as pl

    if sort is not None:
        name, direction = sort_column(sort, rows.columns)
        keep_in_sight(name)
        column, is_number = pl.col(name), rows[name].dtype.is_numeric()
        key = column.abs() if is_number and not direction else column
        parts = rows.partition_by(within, maintain_order=True) if within and rows.height else [rows]
        down = direction.lower() == "desc" if direction else is_number
        rows = pl.concat(
            part.sort(key, descending=down, nulls_last=True, maintain_order=True) for part in parts
        )
    if limit is None:
        return rows
    number = pl.int_range(pl.len()).over(within) if within else pl.int_range(pl.len())
    left = rows.filter(number < limit)
    if left.height < rows.height:
        note(f"{left.height:,} of {rows.height:,} rows: --limit gives more, --limit NULL all")
    return left


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


def _say_whether_comparable(found: Comparison | Judgement) -> None:
    from traceql.ask.compare import alike as recorded_alike
    from traceql.ask.compare import unlike

    facts = found.findings.to_dicts()
    shared = [row["baseline"] for row in facts if row["property"] in _NAMED and row["verdict"] == "same"]
    verdict = {True: "recorded alike", False: "recorded differently", None: "not known to be recorded alike"}
    sides = f"{', '.join(found.baseline)} and {', '.join(found.variant)}"
    note(f"{sides}: {verdict[recorded_alike(found.findings)]}; same: {', '.join(shared)}")
    for text in (*unlike(found.findings), *found.notes):
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
