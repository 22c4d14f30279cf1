"""The sidecar of a report: ``<report>.run.json`` says how it was recorded and what was measured.

`collect` writes it beside the report, `ingest` reads it. Its facts and tags become tags of the trace, its
numbers rows of ``run_metrics``. It may come from anywhere, so it is input like any other: limited in size,
and checked against the form below before anything is used. Its command is for people; no database gets it.

::

    {"format": "traceql-run", "version": 1,
     "report": "decode.nsys-rep", "report_bytes": 183512, "profiler": {"name": "nsys", "version": "2025.3.1"},
     "command": ["nsys", "profile", …], "started_utc": "2026-01-31T12:00:00Z", "seconds": 41.5,
     "exit_status": 0, "timed_out": false, "interrupted": false,
     "environment": {"handed_on": ["PATH", "RANK"], "kept_out": ["HF_TOKEN"]},
     "gpus": [{"name": "NVIDIA H200", "driver": "580.1", "max_sm_clock_mhz": 1980, …}],
     "versions": {"torch": "2.11.0", "vllm": "0.26.0"}, "model": "llama-3.1-8b",
     "tags": {"sweep": "decode"},
     "runs": [{"tags": {"batch_size": "8"},
               "metrics": [{"name": "ms_per_token", "unit": "ms", "value": 6.1, "sample": 1}]}]}

Everything but ``format`` and ``version`` may be absent; keys that are not known are passed over.

What recording needs of it imports the standard library alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql.read.runs import RunFile

SUFFIX = ".run.json"
FORMAT = "traceql-run"
VERSION = 1

#: A sweep of a thousand points with a few samples each stays far under it.
MAX_BYTES = 4 << 20
#: Characters of a name and of a text, and how many tags there may be.
MAX_NAME, MAX_TEXT, MAX_TAGS = 200, 2_000, 100


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar tells about its report.

    Attributes:
        tags: for the trace: the tags given to `collect`, and what was recorded of machine and software.
        runs: what was measured during the recording; no runs if nothing was.
        warnings: what to know before trusting the report.
        report: name of the report that it was written for, if it says so.
        report_bytes: the size of that report.
        profiler: what recorded it: nsys or ncu.
    """

    tags: dict[str, str]
    runs: RunFile
    warnings: tuple[str, ...]
    report: str | None = None
    report_bytes: int | None = None
    profiler: str | None = None

    def strangeness(self, name: str, size_bytes: int) -> str | None:
        """What says that it was written for another report than that of this name and size; or None."""
        if self.report not in (None, name):
            return f"it was written for {self.report}"
        if self.report_bytes not in (None, size_bytes):
            return f"it was written for a report of {self.report_bytes:,} bytes, not {size_bytes:,}"
        return None

    def runs_of(self, trace: str) -> tuple[RunFile, str]:
        """The runs with the trace's name as a tag, and the label of their sweep."""
        # Most reports have no sidecar.
        from traceql.read.runs import Run

        own = tuple(Run({**run.tags, "trace": trace}, run.metrics) for run in self.runs.runs)
        return replace(self.runs, runs=own), trace + SUFFIX


def refusal(tags: Mapping[str, str], metrics: Sequence[tuple[str, float]], model: str | None) -> str | None:
    """What of these `read` would refuse; None when nothing is.

    >>> refusal({"batch": "8"}, [("ms_per_token", float("nan"))], None)
    'metric ms_per_token: nan is no finite number'
    """
    if len(tags) > MAX_TAGS:
        return f"{len(tags)} tags are more than {MAX_TAGS}"
    for what, name, text in (
        *(("tag", name, text) for name, text in tags.items()),
        *(("metric", name, "") for name, _ in metrics),
        ("model", "model", model or ""),
    ):
        if not name:
            return f"a {what} without a name"
        if len(name) > MAX_NAME or len(text) > MAX_TEXT:
            return (
                f"{what} {name[:MAX_NAME]}: longer than {MAX_NAME} (name) or {MAX_TEXT:,} characters (text)"
            )
        if any("\ud800" <= character <= "\udfff" for character in name + text):
            return f"{what} {name!a}: not Unicode"
    unknown = next(((name, value) for name, value in metrics if not math.isfinite(value)), None)
    return f"metric {unknown[0]}: {unknown[1]} is no finite number" if unknown else None


def path_of(report: Path) -> Path:
    """Where the sidecar of a report lies.

    >>> from pathlib import Path
    >>> path_of(Path("results/decode.nsys-rep")).name
    'decode.nsys-rep.run.json'
    """
    return report.with_name(report.name + SUFFIX)


def read(path: Path) -> Sidecar:
    """Read and check a sidecar.

    Raises:
        RunFileError: it cannot be read, is too large, or has not the form above.
    """
    # Where reports are recorded there may be no msgspec.
    from traceql.read import sidecar_form

    return sidecar_form.read(path)
