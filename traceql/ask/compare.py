"""Two traces, or two groups of repeated runs, side by side.

The questions are the queries ``comparable`` and ``diff``; here their answers become one datum, which can be
saved and shown.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from traceql.errors import MissingDataError, MissingDataWarning, QueryError
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.database import Database

_DTYPES = {"VARCHAR": pl.String, "DOUBLE": pl.Float64, "BIGINT": pl.Int64, "INTEGER": pl.Int32}


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
        """Whether both sides were recorded alike; None where one does not say.

        Tags do not count: they say what was changed.
        """
        verdicts = self.findings.filter(~pl.col("property").str.starts_with("tag: "))["verdict"]
        if "differs" in verdicts:
            return False
        return None if "unknown" in verdicts else True

    def changed(self) -> pl.DataFrame:
        """The differences without the measures that are equal: what only one side has is among them."""
        equal = (pl.col("delta") == 0) | (pl.col("baseline").is_null() & pl.col("variant").is_null())
        return self.differences.filter(~(equal.fill_null(value=False) & (pl.col("found_in") == "both")))

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

    def save(self, path: str | Path) -> None:
        """Write it to a JSON file, for `load`."""
        Path(path).write_text(self.to_json(), encoding="utf-8")


def load(path: str | Path) -> Comparison:
    """Read a comparison that was saved.

    Raises:
        QueryError: the file holds none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return Comparison(
            tuple(content["baseline"]),
            tuple(content["variant"]),
            _frame("comparable", content["findings"]),
            _frame("diff", content["differences"]),
            tuple(content["notes"]),
        )
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise QueryError(
            f"{path}: not a saved comparison ({error})", "Make one: traceql diff --save"
        ) from None


def compare(
    database: Database,
    baseline: Sequence[str],
    variant: Sequence[str],
    *,
    topic: str | None = None,
    metrics: Sequence[str] | None = None,
    full_names: bool = False,
) -> Comparison:
    """Compare the traces `variant` with the traces `baseline`, all of one profiler.

    Several traces on a side are repeated runs: means are compared, with their spread.

    Args:
        database: holds the traces.
        baseline: names of the traces before the change, at least one.
        variant: names of those after it.
        topic: only this: trace, kernel, range, api_call, copy or launch.
        metrics: ncu metrics to compare; by default time, DRAM bytes and L2 sectors.
        full_names: sum up kernels by their full C++ names.

    Raises:
        QueryError: there is no such trace, or the sides are of different profilers.
        MissingDataError: nothing that can be compared was recorded.
    """
    if not baseline or not variant:
        raise QueryError("a comparison needs a trace on each side", "See which there are: traceql ls")
    sides: dict[str, Any] = {"baseline": list(baseline), "variant": list(variant)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingDataWarning)
        findings = database.query("comparable", **sides)
        _refuse_mixture(findings, baseline, variant)
        differences = database.query(
            "diff", **sides, topic=topic or "%", metric=list(metrics or ()) or None, full_names=full_names
        )
    if differences.is_empty():
        raise MissingDataError(
            f"no {topic or 'measure'} to compare was recorded on either side",
            "Topics of an nsys trace: trace, kernel, range, api_call, copy; of an ncu report: trace, kernel, "
            "launch.",
        )
    both = sorted(set(baseline) & set(variant))
    notes = [f"{', '.join(both)} is on both sides"] if both else []
    # The two queries read the same tables: what they lack is said once.
    notes += dict.fromkeys(str(warning.message) for warning in caught)
    notes += _unmeasured(differences, metrics or ())
    return Comparison(tuple(baseline), tuple(variant), findings, differences, tuple(notes))


def _refuse_mixture(findings: pl.DataFrame, baseline: Sequence[str], variant: Sequence[str]) -> None:
    profiler = findings.filter(property="profiler").row(0, named=True)
    if profiler["verdict"] == "differs":
        before, after = profiler["baseline"], profiler["variant"]
        timeline, counters = (baseline, variant) if before == "nsys" else (variant, baseline)
        raise QueryError(
            f"the baseline holds {before} traces, the variant {after} traces: their numbers are of different "
            "kinds",
            "Join a timeline with counters: traceql query counters-on-timeline "
            f"--timeline {timeline[0]} --counters {counters[0]}"
            if {before, after} == {"nsys", "ncu"}
            else "Name the traces of one profiler. "
            f"Baseline: {', '.join(baseline)}; variant: {', '.join(variant)}",
        )


def _unmeasured(differences: pl.DataFrame, metrics: Sequence[str]) -> list[str]:
    notes = []
    for metric in metrics:
        rows = differences.filter(measure=metric)
        lacking = [side for side in ("baseline", "variant") if rows[side].is_null().all()]
        if lacking:
            notes.append(f"Not measured in {' and '.join(lacking)}: recorded by ncu --metrics {metric}.")
    return notes


def _frame(query: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={c.name: _DTYPES[c.type] for c in catalog.find(query).columns})
