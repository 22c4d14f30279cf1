"""The command ls."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.common import db_option, store, tags_option
from traceql.cli.output import every_column, form_of, output_options, write
from traceql.present.values import in_python, readable
from traceql.rows import Column
from traceql.rows import texts as rows_of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from traceql.rows import Rows

# Before the name of a label that is a column.
_TAG = "tag: "
_FLAT = ("trace", "profiler", "tool_version", "gpu", "captured_at", "duration_ms", "tags")
_TREE = ("job", "job_known_by", "ranks", "trace", "profiler", "gpu")


@click.command()
@tags_option("Only traces with this label, whose value may be a pattern", offers.tag)
@click.option("--tree", is_flag=True, help="By job and rank; of other forms than text, these are columns.")
@click.option(
    "--by",
    multiple=True,
    metavar="TAG",
    shell_complete=offers.tag_name,
    help="With --tree: by this label first; repeatable.",
)
@db_option()
@partial(output_options, columns=lambda options: _names(options))
def ls(
    tags: dict[str, str], tree: bool, by: tuple[str, ...], db: str, format_: str | None, output: str | None
) -> None:
    """List the traces in the database.

    \b
    Examples:
      traceql ls
      traceql ls --tag job=train --tag 'rank=*'
      traceql ls --tree --by gpu
    """
    if by and not tree:
        raise click.UsageError("--by is for --tree.")
    given = {
        f"{what}_{n}": text
        for n, pair in enumerate(tags.items())
        for what, text in zip("nv", pair, strict=True)
    }
    asked = " AND ".join(
        f"(map_contains(tags, $n_{n}) AND is_like(tags[$n_{n}], $v_{n}))" for n in range(len(tags))
    )
    with store(db) as opened:
        run = partial(opened.run, plain=form_of(format_, output) != "parquet")
        if not tree:
            shown = run(
                f"""
                SELECT trace, profiler, tool_version, gpu, captured_at,
                       round(trace_duration_ns / 1e6, 3) AS duration_ms, tags
                FROM traces WHERE {asked or "true"} ORDER BY trace_id
                """,
                given,
            )
        else:
            levels = "".join(f"tags[$by_{n}] AS {_quoted(f'{_TAG}{name}')}, " for n, name in enumerate(by))
            # What has no timeline is of the job that its tag says.
            shown = run(
                f"""
                SELECT {levels} coalesce(jobs.job, tags['job'], traces.trace) AS job,
                       coalesce(job_known_by, CASE WHEN map_contains(tags, 'job') THEN 'tag' ELSE 'alone' END)
                           AS job_known_by,
                       string_agg(rank::VARCHAR, ', ' ORDER BY rank) AS ranks,
                       traces.trace, profiler, traces.gpu
                FROM traces LEFT JOIN jobs USING (trace_id) WHERE {asked or "true"}
                GROUP BY ALL ORDER BY {", ".join(f"{n} NULLS LAST" for n in range(1, len(by) + 2))},
                         min(rank) NULLS LAST, traces.trace
                """,
                {**given, **{f"by_{n}": name for n, name in enumerate(by)}},
            )
        if tree and format_ is None and output is None and not every_column():
            for line in _lines(shown, by):
                click.echo(line)
        else:
            write(shown, format_, output, brief=None if tree else _in_brief(shown), one_line=True)


def _names(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of the answer."""
    if not options.get("tree"):
        return _FLAT
    return (*(f"{_TAG}{name}" for name in options.get("by") or ()), *_TREE)


def _in_brief(traces: pa.Table | Rows) -> Rows:
    """A line for each: the GPU without its vendor, the time to the minute, tags as they are given."""
    rows = traces.to_pylist(maps_as_pydicts="strict")
    texts = {
        "trace": [row["trace"] for row in rows],
        "profiler": [row["profiler"] for row in rows],
        "gpu": [row["gpu"] and row["gpu"].removeprefix("NVIDIA ") for row in rows],
        "tags": [", ".join(f"{name}={value}" for name, value in row["tags"].items()) for row in rows],
        "captured_at": [row["captured_at"] and f"{row['captured_at']:%Y-%m-%d %H:%M}" for row in rows],
        "tool_version": [row["tool_version"] for row in rows],
    }
    if not any(texts["tags"]):
        del texts["tags"]
    lasted = "duration_ms"
    return rows_of_texts(texts).with_column(3, lasted, Column("DOUBLE", in_python(traces[lasted])))


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _lines(answer: pa.Table, by: Sequence[str]) -> Iterator[str]:
    """The tree: a line for each value of a label, each job of several traces, and each trace."""
    rows: list[dict[str, Any]] = answer.to_pylist()
    yield from _below(rows, by, 0)


def _below(rows: Sequence[dict[str, Any]], by: Sequence[str], depth: int) -> Iterator[str]:
    margin = "  " * depth
    if by:
        for value, group in groupby(rows, key=lambda row: row[f"{_TAG}{by[0]}"]):
            yield (
                f"{margin}{readable(by[0])}={readable(value)}"
                if value is not None
                else f"{margin}no {readable(by[0])}"
            )
            yield from _below(list(group), by[1:], depth + 1)
        return
    for (job, known_by), of_job in groupby(rows, key=lambda row: (row["job"], row["job_known_by"])):
        if known_by == "alone":
            yield from (f"{margin}{_trace(row)}" for row in of_job)
            continue
        yield f"{margin}{readable(job)} (job by {known_by})"
        for row in of_job:
            rank = f"rank {row['ranks']}: " if row["ranks"] else ""
            yield f"{margin}  {rank}{_trace(row)}"


def _trace(row: dict[str, Any]) -> str:
    return ", ".join(readable(text) for text in (row["trace"], row["profiler"], row["gpu"]) if text)
