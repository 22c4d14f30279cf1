"""Two traces, or two groups of repeated runs, side by side.

The questions are the queries ``comparable`` and ``diff``; here their answers become one datum, which can be
saved and shown.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql import arguments, given
from traceql.ask import place as places
from traceql.errors import MissingDataError, QueryError
from traceql.nearest import did_you_mean
from traceql.present import formats
from traceql.present.values import human, listed
from traceql.questions import catalog
from traceql.questions.parameters import PLACES
from traceql.store import held
from traceql.store.named import meant
from traceql.tables import apart, migrations, window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from traceql.ask.answer import Answer, Asker
    from traceql.questions.parameters import Value
    from traceql.tables.window import Window

# Names of polars types: polars is loaded when there is something to compare.
_DTYPES = {"VARCHAR": "String", "DOUBLE": "Float64", "BIGINT": "Int64", "INTEGER": "Int32"}


@dataclass(frozen=True)
class Comparison:
    """What differs between two sides, and whether they can be compared.

    Attributes:
        baseline: names of the traces before the change.
        variant: names of those after it.
        findings: the answer of the query ``comparable``: one row per fact about the recordings.
        differences: the answer of the query ``diff``: one row per measure, equal ones included.
        notes: what to know before trusting the numbers.
    """

    baseline: tuple[str, ...]
    variant: tuple[str, ...]
    findings: pl.DataFrame
    differences: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def alike(self) -> bool | None:
        """Whether both sides were recorded alike; None where one does not say."""
        return alike(self.findings)

    def changed(self) -> pl.DataFrame:
        """The differences without the measures that are equal: what only one side has is among them."""
        import polars as pl

        equal = (pl.col("delta") == 0) | (pl.col("baseline").is_null() & pl.col("variant").is_null())
        return self.differences.filter(~(equal.fill_null(value=False) & (pl.col("found_in") == "both")))

    def _repr_html_(self) -> str:
        # What is equal, and columns that say nothing, are left out.
        changed = self.changed()
        told = [name for name in changed.columns if changed[name].null_count() < changed.height]
        alike = {
            True: "recorded alike",
            False: "recorded differently",
            None: "not known to be recorded alike",
        }
        equal = self.differences.height - changed.height
        return formats.html(
            changed.select(told).to_arrow(),
            f"What differs between {', '.join(self.baseline)} and {', '.join(self.variant)}?",
            [
                f"They are {alike[self.alike]}.",
                *([f"{equal:,} of {self.differences.height:,} measures are equal."] if equal else []),
                *self.notes,
            ],
            changed.height,
        )

    def to_json(self) -> str:
        """All of it as JSON text."""
        content = {
            "baseline": self.baseline,
            "variant": self.variant,
            "notes": self.notes,
            "findings": self.findings.to_dicts(),
            "differences": self.differences.to_dicts(),
        }
        return json.dumps(content, ensure_ascii=False)

    @arguments.as_declared
    def save(self, path: str | Path) -> None:
        """Write it to a JSON file, for `load`.

        Raises:
            QueryError: that is a database.
        """
        if held.is_database(path):
            raise QueryError(f"{path}: a database, not overwritten", "Name another file.")
        Path(path).write_text(self.to_json(), encoding="utf-8", newline="\n")


def load(path: str | Path) -> Comparison:
    """Read a comparison that was saved.

    Raises:
        QueryError: the file cannot be read, or holds none.
    """
    import polars as pl

    if held.is_database(path):
        raise QueryError(f"{path}: a database, not a saved comparison", "Name another file.")
    remedy = "Make one: traceql diff --save"
    try:
        content = given.from_json(given.decoded(given.content(Path(path), str(path), QueryError, remedy)))
        return Comparison(
            tuple(content["baseline"]),
            tuple(content["variant"]),
            _frame("comparable", content["findings"]),
            _frame("diff", content["differences"]),
            tuple(content["notes"]),
        )
    except (KeyError, TypeError, RecursionError, pl.exceptions.PolarsError) as error:
        raise QueryError(f"{path}: not a saved comparison ({error})", remedy) from None
    except ValueError as error:
        raise QueryError(f"{path}: not a saved comparison ({given.fault(error)})", remedy) from None


def alike(findings: pl.DataFrame) -> bool | None:
    """Whether both sides were recorded alike, by the answer of ``comparable``; None where one does not say.

    Tags do not count: they say what was changed.
    """
    import polars as pl

    verdicts = findings.filter(~pl.col("property").str.starts_with("tag: "))["verdict"]
    if "differs" in verdicts:
        return False
    return None if "unknown" in verdicts else True


def unlike(findings: pl.DataFrame, verdicts: Sequence[str] = ("differs", "unknown")) -> list[str]:
    """What is not the same of two recordings, or not known to be, in words: one text for each meaning."""
    together: dict[tuple[str, str], list[str]] = {}
    for row in findings.to_dicts():
        if row["verdict"] in verdicts:
            both = f"{row['property']} ({human(row['baseline'])} | {human(row['variant'])})"
            together.setdefault((row["verdict"], row["meaning"]), []).append(both)
    return [
        f"{verdict}: {', '.join(properties)}: {meaning}"
        for (verdict, meaning), properties in together.items()
    ]


def recorded_alike(ask: Asker, baseline: Sequence[str], variant: Sequence[str]) -> Answer:
    """The answer of ``comparable`` about two sides that can be compared at all.

    Raises:
        QueryError: a side has no trace, there is no such trace, or the sides are of different profilers.
    """
    if not baseline or not variant:
        raise QueryError("a comparison needs a trace on each side", "See which there are: traceql ls")
    found = ask("comparable", baseline=list(baseline), variant=list(variant))
    _refuse_mixture(ask, found.frame(), baseline, variant)
    return found


def compare(
    ask: Asker,
    baseline: Sequence[str],
    variant: Sequence[str],
    *,
    topic: str | None = None,
    metrics: Sequence[str] | None = None,
    names: str = "distinct",
    place: Mapping[str, Value] | None = None,
) -> Comparison:
    """Compare the traces `variant` with the traces `baseline`, all of one profiler.

    Several traces on a side are repeated runs: means are compared, with their spread.

    Args:
        ask: the database that holds the traces.
        baseline: names of the traces before the change, at least one.
        variant: names of those after it.
        topic: only this: trace, kernel, range, api_call, copy or launch.
        metrics: ncu metrics to compare; by default time, DRAM bytes and L2 sectors.
        names: by which kernels are summed up: short, full or distinct, see the view kernel_names.
        place: what of the timelines is compared: from, to and within, as questions have them.

    Raises:
        QueryError: there is no such trace, or the sides are of different profilers.
        MissingDataError: nothing that can be compared was recorded.
    """
    recorded = recorded_alike(ask, baseline, variant)
    findings = recorded.frame()
    sides: dict[str, Any] = {"baseline": list(baseline), "variant": list(variant)}
    differing = ask(
        "diff", **sides, topic=topic or "*", metric=list(metrics or ()) or None, names=names, **(place or {})
    )
    differences = differing.frame()
    if differences.is_empty():
        raise MissingDataError(
            f"no {topic or 'measure'} to compare was recorded on either side",
            "Topics of a timeline: trace, kernel, range, api_call, copy; of counters: trace, kernel, launch.",
        )
    notes = on_both_sides(baseline, variant)
    # The two queries read the same tables: what they lack is said once.
    notes += dict.fromkeys(note.text for note in (*recorded.notes, *differing.notes))
    notes += _unmeasured(ask, differences, metrics or ())
    if topic in (None, "trace", "kernel", "launch"):
        notes += _moved_with_the_time(ask, sides, metrics or (), names)
    return Comparison(tuple(baseline), tuple(variant), findings, differences, tuple(notes))


def on_both_sides(baseline: Sequence[str], variant: Sequence[str]) -> list[str]:
    """What is said of traces that stand on both sides.

    >>> on_both_sides(["a"], ["a"]), on_both_sides(["a"], ["a", "b"]), on_both_sides(["a"], ["b"])
    (['a is compared with itself'], ['on both sides: a'], [])
    """
    both = [name for name in dict.fromkeys(baseline) if name in variant]
    if both and set(baseline) == set(variant):
        return [f"{listed(both)} is compared with itself"]
    return [f"on both sides: {listed(both)}"] if both else []


def compare_ranks(
    ask: Asker, job: str, *, place: Mapping[str, Value] | None = None, **options: Any
) -> Comparison:
    """Compare the slowest rank of a job with the fastest, see `ranks`.

    Args:
        ask: the database that holds the traces.
        job: its name, see the view ``jobs``.
        place: as in `compare`, but from and to are times of the job's clock.
        **options: of `compare`.

    Raises:
        QueryError: there is no such job, or its ranks are in one process.
        MissingDataError: no trace has a timeline.
    """
    of_ranks, fastest, slowest = ranks(ask, job, place)
    return compare(of_ranks, [fastest], [slowest], **options)


def ranks(ask: Asker, job: str, place: Mapping[str, Value] | None = None) -> tuple[Asker, str, str]:
    """Who asks about the fastest and the slowest rank of a job, and the names of their traces.

    They are the one that waits most for others, and the one that waits least. A rank that shares its trace
    with others is what its process did, as if that were a trace of its own.

    Args:
        ask: the database that holds the traces.
        job: its name, see the view ``jobs``.
        place: what of the timelines is asked about: from and to, on the clock of the job, and within.

    Raises:
        QueryError: there is no such job, or its ranks are in one process.
        MissingDataError: no trace has a timeline.
    """
    tagged = meant(places.traces(ask.store.run), f"job={job}") or None
    rows = [row for row in ask("slowest_ranks", trace=tagged).frame().to_dicts() if row["job"] == job]
    if len(rows) < 2:
        raise QueryError(
            f"no job {job!r} has two ranks that share collectives",
            f"{did_you_mean(job, jobs(ask))}See which there are: traceql query job-summary. "
            "Make one: traceql tag TRACE… job=NAME",
        )
    both = fastest, slowest = rows[-1], rows[0]
    there = ask.store.run(
        "SELECT trace_id, process_id, rank, pid, gpu_id, trace, shift_ns FROM job_ranks($traces) "
        "WHERE trace IN ($fastest, $slowest)",
        {"traces": tagged, "fastest": fastest["trace"], "slowest": slowest["trace"]},
    ).to_pylist()
    ours = [
        next(
            one for one in there if all(one[name] == row[name] for name in ("trace", "rank", "pid", "gpu_id"))
        )
        for row in both
    ]
    asked = _window(ask, place or {}, [row["trace"] for row in both])
    if len(there) == 2 and fastest["trace"] != slowest["trace"]:
        if asked is None:
            return ask, fastest["trace"], slowest["trace"]
        shifts = tuple((one["trace_id"], one["shift_ns"]) for one in ours)
        narrowed = window.selects(replace(asked, shifts=shifts))
        return ask.narrowed({**narrowed, **places.names_of_all()}), fastest["trace"], slowest["trace"]
    parts = [
        apart.Part(one["trace_id"], one["process_id"], f"{row['trace']} rank {row['rank']}")
        for row, one in zip(both, ours, strict=True)
    ]
    if parts[0][:2] == parts[1][:2]:
        raise QueryError(
            f"{job}: its slowest and its fastest rank are GPUs of one process",
            "Compare all its ranks kernel by kernel: traceql query rank-balance",
        )
    narrowed = apart.selects(parts)
    if asked is not None:
        shifts = tuple((-number, one["shift_ns"]) for number, one in enumerate(ours, start=1))
        within = window.selects(replace(asked, shifts=shifts))
        # The window is one of the processes: what it reads is theirs.
        narrowed = {
            **{name: migrations.over(sql, narrowed, "old.") for name, sql in within.items()},
            **{name: sql for name, sql in narrowed.items() if name not in within},
        }
    return ask.narrowed({**narrowed, **places.names_of_all()}), parts[0].name, parts[1].name


def _window(ask: Asker, place: Mapping[str, Value], traces: Sequence[str]) -> Window | None:
    """The window that from, to and within mean; None where none is given."""
    known = {param.name: param for param in PLACES["window"]}
    words = {name.removesuffix("_"): value for name, value in place.items() if value is not None}
    given = {name: known[name].take(value) for name, value in words.items()}
    places.refuse_none(given.get("from"), given.get("to"))
    return places.window_of(ask.store.run, given, traces) if given else None


def _refuse_mixture(
    ask: Asker, findings: pl.DataFrame, baseline: Sequence[str], variant: Sequence[str]
) -> None:
    profiler = findings.filter(property="profiler").row(0, named=True)
    if profiler["verdict"] != "differs":
        return
    remedy = (
        f"Name the traces of one profiler. Baseline: {', '.join(baseline)}; variant: {', '.join(variant)}"
    )
    if both := _timeline_beside_counters(ask, baseline, variant):
        timeline, counters = (shlex.quote(ask.written.get(trace, trace)) for trace in both)
        remedy = (
            f"Join a timeline with counters: traceql query counters-on-timeline --timeline {timeline} "
            f"--counters {counters}"
        )
    raise QueryError(
        f"the baseline holds {profiler['baseline']} traces, the variant {profiler['variant']} traces: their "
        "numbers are of different kinds",
        remedy,
    )


def _timeline_beside_counters(ask: Asker, a: Sequence[str], b: Sequence[str]) -> tuple[str, str] | None:
    """A trace with a timeline and one with counters, where each side holds one of these only."""
    rows = ask.store.run("SELECT trace, has_timeline, has_counters FROM traces").to_pylist()
    has = {row["trace"]: (row["has_timeline"], row["has_counters"]) for row in rows}
    for timelines, counters in ((a, b), (b, a)):
        if {has[name] for name in timelines} == {(True, False)} and {has[name] for name in counters} == {
            (False, True)
        }:
            return timelines[0], counters[0]
    return None


def jobs(ask: Asker) -> list[str]:
    """The names of the jobs that there are."""
    found: list[str] = ask.store.run("SELECT DISTINCT job FROM jobs ORDER BY job").column(0).to_pylist()
    return found


def _unmeasured(ask: Asker, differences: pl.DataFrame, metrics: Sequence[str]) -> list[str]:
    notes = []
    for metric in metrics:
        rows = differences.filter(measure=metric)
        lacking = [side for side in ("baseline", "variant") if rows[side].is_null().all()]
        if lacking:
            known = ask.store.run("SELECT DISTINCT metric FROM metrics ORDER BY metric").column(0)
            guess = did_you_mean(metric, known.to_pylist()).rstrip()
            said = f"Not measured in {' and '.join(lacking)}: recorded by ncu --metrics {metric}."
            notes.append(f"{said} {guess}".rstrip())
    return notes


def _moved_with_the_time(
    ask: Asker, sides: Mapping[str, Value], metrics: Sequence[str], names: str
) -> list[str]:
    """Which counters changed as the time of what was profiled did; nothing about timelines."""
    amounts = [metric for metric in metrics if metric.endswith(".sum")]
    try:
        moved = ask("moved_with", **sides, metric=amounts or None, names=names)
    except MissingDataError:
        return []
    return [note.text for note in moved.notes if note.code == "remark"]


def types_of(query: str) -> dict[str, Any]:
    """The columns of a question with their types in polars."""
    import polars as pl

    return {
        column.name: getattr(pl, _DTYPES[column.type]) for column in catalog.shipped().find(query).columns
    }


def _frame(query: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema=types_of(query))
