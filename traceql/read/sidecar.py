"""The sidecar of a report: ``<report>.run.json`` says how it was recorded and what was measured.

`collect` writes it beside the report, `ingest` reads it. Its facts and tags become tags of the trace, its
numbers rows of ``run_metrics``. It may come from anywhere, so it is input like any other: limited in size,
and checked against the form below before anything is used. Its command is for people; no database gets it.

::

    {"format": "traceql-run", "version": 1,
     "report": "decode.nsys-rep", "profiler": {"name": "nsys", "version": "2025.3.1"},
     "command": ["nsys", "profile", …], "started_utc": "2026-01-31T12:00:00Z", "seconds": 41.5,
     "exit_status": 0, "timed_out": false,
     "gpus": [{"name": "NVIDIA H200", "driver": "580.1", "max_sm_clock_mhz": 1980, …}],
     "versions": {"torch": "2.11.0", "vllm": "0.26.0"}, "model": "llama-3.1-8b",
     "tags": {"sweep": "decode"},
     "runs": [{"tags": {"batch_size": "8"},
               "metrics": [{"name": "ms_per_token", "unit": "ms", "value": 6.1, "sample": 1}]}]}

Everything but ``format`` and ``version`` may be absent.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from traceql.errors import RunFileError
from traceql.read.runs import Metric, Run, RunFile

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".run.json"
FORMAT = "traceql-run"
VERSION = 1

#: A sweep of a thousand points with a few samples each stays far under it.
MAX_BYTES = 4 << 20
_MAX_TAGS = 100
_MAX_RUNS = 10_000
_MAX_METRICS = 10_000
_MAX_NAME = 200
_MAX_TEXT = 2_000

_REMEDY = "Correct or remove it; the report itself can be read without it."
# Facts of a GPU that tell one recording from another.
_GPU_TAGS = ("driver", "max_sm_clock_mhz", "max_memory_clock_mhz")


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar tells about its report.

    Attributes:
        tags: for the trace: the tags given to `collect`, and what was recorded of machine and software.
        runs: what was measured during the recording; no runs if nothing was.
        warnings: what to know before trusting the report.
    """

    tags: dict[str, str]
    runs: RunFile
    warnings: tuple[str, ...]

    def runs_of(self, trace: str) -> tuple[RunFile, str]:
        """The runs with the trace's name as a tag, and the label of their sweep."""
        own = tuple(Run({**run.tags, "trace": trace}, run.metrics) for run in self.runs.runs)
        return replace(self.runs, runs=own), trace + SUFFIX


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
    content = _bytes(path)
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"not JSON ({_short(str(error))})") from None
    try:
        return _sidecar(data, path, hashlib.sha256(content).hexdigest())
    except _FormError as error:
        raise _wrong(path, str(error)) from None


def _bytes(path: Path) -> bytes:
    try:
        # A pipe would be waited for, and a device may never end.
        if not path.is_file():
            raise _wrong(path, "not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"larger than {MAX_BYTES:,} bytes")
    return content


def _wrong(path: Path, what: str) -> RunFileError:
    return RunFileError(f"{path.name}: {what}", _REMEDY)


class _FormError(Exception):
    """What of the content has not the form of a sidecar."""


def _sidecar(data: Any, path: Path, sha256: str) -> Sidecar:
    root = _object(data, "the content")
    if root.get("format") != FORMAT:
        raise _FormError(f'not a sidecar: "format" is not "{FORMAT}"')
    if root.get("version") != VERSION:
        raise _FormError(f"version {_short(repr(root.get('version')))}; this traceql knows version {VERSION}")
    versions = _tags(root.get("versions", {}), "versions")
    gpus = [_object(gpu, "an entry of gpus") for gpu in _list(root.get("gpus", []), "gpus", _MAX_TAGS)]
    gpu = gpus[0] if gpus else {}
    model = _text(root["model"], "model") if root.get("model") is not None else None
    common = {"gpu": gpu.get("name"), "model": model}
    facts = {**versions, **common, **{name: gpu.get(name) for name in _GPU_TAGS}}
    tags = {name: _value(value, name) for name, value in facts.items() if value is not None}
    tags |= _tags(root.get("tags", {}), "tags")
    # The same names as in tables of runs, so that the queries about sweeps understand both.
    shared = {name: tags[name] for name, value in common.items() if value is not None}
    runs = [_run(run, shared) for run in _list(root.get("runs", []), "runs", _MAX_RUNS)]
    return Sidecar(
        tags, RunFile("sidecar", _valid(path.name), sha256, tuple(runs)), tuple(_warnings(root, path))
    )


def _warnings(root: dict[str, Any], path: Path) -> list[str]:
    if root.get("timed_out") is True:
        return [f"The recording was cut off by its time limit ({_valid(path.name)})."]
    status = root.get("exit_status")
    if isinstance(status, int) and status != 0:
        return [f"The recorded command ended with status {status} ({_valid(path.name)})."]
    return []


def _run(value: Any, shared: dict[str, str]) -> Run:
    run = _object(value, "a run")
    tags = {**shared, **_tags(run.get("tags", {}), "tags of a run")}
    metrics = _list(run.get("metrics", []), "metrics of a run", _MAX_METRICS)
    return Run(tags, tuple(_metric(metric) for metric in metrics))


def _metric(value: Any) -> Metric:
    metric = _object(value, "a metric")
    name = _name(metric.get("name"), "the name of a metric")
    number = metric.get("value")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
        raise _FormError(f"the value of {name} is not a number")
    sample = metric.get("sample")
    if sample is not None and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 1):
        raise _FormError(f"the sample of {name} is not a number from 1")
    if sample is not None and sample >= 1 << 63:
        raise _FormError(f"the sample of {name} is too large")
    return Metric(name, _text(metric.get("unit", ""), f"the unit of {name}"), _finite(number, name), sample)


def _finite(number: float | None, name: str) -> float | None:
    try:
        value = float("nan") if number is None else float(number)
    except OverflowError:
        raise _FormError(f"the value of {name} is too large") from None
    return value if abs(value) < float("inf") else None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _FormError(f"{what} is not an object")
    return value


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise _FormError(f"{what} is not a list")
    if len(value) > most:
        raise _FormError(f"{what} has {len(value):,} entries; at most {most:,} are read")
    return value


def _tags(value: Any, what: str) -> dict[str, str]:
    tags = _object(value, what)
    if len(tags) > _MAX_TAGS:
        raise _FormError(f"{what} has {len(tags):,} entries; at most {_MAX_TAGS} are read")
    return {_name(name, f"a name in {what}"): _value(text, f"{what}: {name}") for name, text in tags.items()}


def _value(value: Any, what: str) -> str:
    """Texts and plain numbers: nobody quotes a batch size."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    return _text(value, what)


def _name(value: Any, what: str) -> str:
    name = _text(value, what)
    if not name or len(name) > _MAX_NAME:
        raise _FormError(f"{what} has {len(name):,} characters; 1 to {_MAX_NAME} are allowed")
    return name


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _FormError(f"{_short(what)} is not a text")
    if len(value) > _MAX_TEXT:
        raise _FormError(f"{_short(what)} has {len(value):,} characters; at most {_MAX_TEXT:,} are read")
    if value != _valid(value):
        raise _FormError(f"{_short(what)} is not Unicode text")
    return value


def _valid(text: str) -> str:
    """Without halves of surrogate pairs, which no database column can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"
