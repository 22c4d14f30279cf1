"""The form of a sidecar, declared, and what becomes of its content; see `sidecar`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from traceql import given
from traceql.declared import fitted
from traceql.errors import RunFileError
from traceql.read.runs import Metric, Run, RunFile
from traceql.read.sidecar import FORMAT, MAX_BYTES, MAX_NAME, MAX_TAGS, MAX_TEXT, VERSION, Sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_REMEDY = "Correct or remove it; the report itself can be read without it."
_SHOWN = 200

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
# Texts and plain numbers: nobody quotes a batch size.
_Value = _Text | int | float
_Tags = Annotated[dict[_Name, _Value], Meta(max_length=MAX_TAGS)]


class _Metric(Struct):
    name: _Name
    unit: _Text = ""
    value: float | None = None
    sample: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None = None


class _Run(Struct):
    tags: _Tags = {}
    metrics: Annotated[list[_Metric], Meta(max_length=10_000)] = []


class _Gpu(Struct):
    """Facts of a GPU that tell one recording from another."""

    name: _Value | None = None
    driver: _Value | None = None
    max_sm_clock_mhz: _Value | None = None
    max_memory_clock_mhz: _Value | None = None


class _Form(Struct):
    report: Any = None
    report_bytes: Any = None
    profiler: Any = None
    gpus: Annotated[list[dict[str, Any]], Meta(max_length=100)] = []
    versions: _Tags = {}
    model: _Text | None = None
    tags: _Tags = {}
    runs: Annotated[list[_Run], Meta(max_length=10_000)] = []
    exit_status: Any = None
    timed_out: Any = None
    interrupted: Any = None


def read(path: Path) -> Sidecar:
    """See `sidecar.read`."""
    if not path.is_file():
        raise _wrong(path, "not a file")
    content = given.content(path, path.name, RunFileError, _REMEDY, MAX_BYTES)
    try:
        data = given.from_json(given.decoded(content))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"not JSON ({_short(str(error))})") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _wrong(path, f'not a sidecar: "format" is not "{FORMAT}"')
    if data.get("version") != VERSION:
        said = given.said(data.get("version"), _SHOWN)
        raise _wrong(path, f"version {said}; this traceql knows version {VERSION}")
    form = fitted(data, _Form, path.name, RunFileError, _REMEDY)
    gpu = fitted(form.gpus[0] if form.gpus else {}, _Gpu, f"{path.name}: gpus[0]", RunFileError, _REMEDY)
    # The same names as in tables of runs, so that the queries about sweeps understand both.
    shared = _tags({"gpu": gpu.name, "model": form.model})
    facts = _tags(
        {
            "driver": gpu.driver,
            "max_sm_clock_mhz": gpu.max_sm_clock_mhz,
            "max_memory_clock_mhz": gpu.max_memory_clock_mhz,
        }
    )
    tags = {**_tags(form.versions), **shared, **facts, **_tags(form.tags)}
    shared = {name: tags[name] for name in shared}
    runs = tuple(Run({**shared, **_tags(run.tags)}, tuple(map(_metric, run.metrics))) for run in form.runs)
    if any(text != given.valid(text) for text in _texts(tags, runs)):
        raise _wrong(path, "a text in it is not Unicode")
    sha256 = hashlib.sha256(content).hexdigest()
    profiler = form.profiler.get("name") if isinstance(form.profiler, dict) else None
    return Sidecar(
        tags,
        RunFile("sidecar", given.valid(path.name), sha256, runs),
        tuple(_warnings(form, path)),
        report=given.valid(form.report) if isinstance(form.report, str) else None,
        report_bytes=form.report_bytes if type(form.report_bytes) is int else None,
        profiler=profiler if isinstance(profiler, str) else None,
    )


def _wrong(path: Path, what: str) -> RunFileError:
    return RunFileError(f"{path.name}: {what}", _REMEDY)


def _warnings(form: _Form, path: Path) -> Iterator[str]:
    if form.interrupted is True:
        yield f"The recording was interrupted ({given.valid(path.name)})."
    elif form.timed_out is True:
        yield f"The recording was cut off by its time limit ({given.valid(path.name)})."
    elif isinstance(form.exit_status, int) and form.exit_status != 0:
        yield f"The recorded command ended with status {form.exit_status} ({given.valid(path.name)})."


def _tags(values: Mapping[str, str | float | None]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None
    }


def _metric(metric: _Metric) -> Metric:
    value = metric.value
    if value is not None and not abs(value) < float("inf"):
        # Neither infinite nor "not a number".
        value = None
    return Metric(metric.name, metric.unit, value, metric.sample)


def _texts(tags: Mapping[str, str], runs: tuple[Run, ...]) -> Iterator[str]:
    """All that goes into the database."""
    for some in (tags, *(run.tags for run in runs)):
        yield from some
        yield from some.values()
    for run in runs:
        for metric in run.metrics:
            yield from (metric.name, metric.unit)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
