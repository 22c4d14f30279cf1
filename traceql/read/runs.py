"""Runs measured outside the profilers: tables of sweep points and the JSON of benchmarks become runs.

A run has tags (what it was: gpu, batch_size …) and metrics (what was measured). Read are:

- CSV and JSON tables, wide (one row per run, one column per tag or metric) or long (one row per number, with
  the columns ``metric`` and ``value``, perhaps ``unit``, and tags)
- what ``vllm bench latency --output-json`` writes
- sweeps of benchmarks: ``{"config": {…}, "summary": {"per_mode": […]}, "results": […]}``, the numbers of each
  mode (or of whatever else ``per_`` names) and of each batch

Names stay as the file has them; units come from names such as ``ms_per_token`` or ``latency_avg_s``. Knows no
database.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from traceql import given
from traceql.errors import RunFileError
from traceql.read import labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from traceql.read.labels import Tag

#: Columns of numbers that say what a run was, not what it measured.
TAG_COLUMNS = frozenset(
    re.findall(
        r"\w+",
        """
    batch batch_index batch_size block_size concurrency context context_len data_parallel_size dp
    draft_tokens drafts input_len input_length kv_len max_model_len max_num_batched_tokens
    max_num_seqs max_tokens num_iters num_prompts output_len output_length pipeline_parallel_size pp
    prompt_len rank repeat repeats request_rate requests run seed seq_len sequence_length spec_tokens
    steps temperature tensor_parallel_size top_k top_p tp warmup weight_bytes flop_per_token
    """,
    )
)

#: A million rows of a dozen numbers stay far under it.
MAX_BYTES = 256 << 20

_TIME = "ns|us|ms|s"
_PER = re.compile(rf"(?:.*_)?({_TIME})_per_\w+")
_RATE = re.compile(r"(?:.*_)?([a-z]+)_per_s")
_SUFFIX = re.compile(rf"(?:.*_)?({_TIME}|bytes|pct|tokens)|.+_(?:mhz|w|celsius)")
_PLAIN = {"bytes": "byte", "pct": "%"}
_OF_GPUS = {"mhz": "MHz", "w": "W", "celsius": "°C"}


@dataclass(frozen=True)
class Metric:
    """One number of a run; `value` is None where the file says nan."""

    name: str
    unit: str
    value: float | None
    sample: int | None = None


@dataclass(frozen=True)
class Run:
    """One run: what it was, and what was measured."""

    tags: Mapping[str, str]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class RunFile:
    """A file of runs.

    Attributes:
        format: csv, json, vllm-bench-latency or benchmark-sweep.
        file_name: without its folder.
        sha256: of the file.
        runs: in the file's order.
        warnings: what was left out.
    """

    format: str
    file_name: str
    sha256: str
    runs: tuple[Run, ...]
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The file's name without its suffix."""
        return Path(self.file_name).stem


def read(
    path: str | Path,
    *,
    tags: Mapping[str, Tag] | None = None,
    tag_columns: Collection[str] = (),
    metric_columns: Collection[str] = (),
) -> RunFile:
    """Read a file of runs.

    Args:
        path: a .csv or .json file.
        tags: labels for every run; those of the file itself win.
        tag_columns: columns that are tags although they hold numbers; beside `TAG_COLUMNS`.
        metric_columns: columns that are metrics although they are among `TAG_COLUMNS`.

    Raises:
        ParameterError: the tags are none.
        RunFileError: it cannot be read or understood; the message names the line.
    """
    shared = labels.tags(tags)
    path = Path(path)
    content = given.content(path, str(path), RunFileError, "Check the path.", MAX_BYTES)
    name = given.valid(path.name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RunFileError(f"{name}: not UTF-8 text", "Save the table as UTF-8.") from None
    if "\0" in text:
        raise RunFileError(f"{name}: not UTF-8 text, for it holds NUL", "Save the table as UTF-8.")
    columns = _Columns(name, frozenset(tag_columns), frozenset(metric_columns))
    warnings: list[str] = []
    if path.suffix.lower() == ".csv":
        format_, runs = "csv", columns.runs(_csv_rows(text, name))
    elif path.suffix.lower() == ".json":
        format_, runs = _json(text, columns, warnings)
    else:
        raise RunFileError(f"{name}: neither .csv nor .json", "Export the table as one of them.")
    if not any(run.metrics for run in runs):
        raise RunFileError(
            f"{name}: holds no numbers",
            "One column must be a metric; --metric-column NAME makes one of a column taken for a tag.",
        )
    if shared:
        runs = [Run({**shared, **run.tags}, run.metrics) for run in runs]
    sha256 = hashlib.sha256(content).hexdigest()
    return RunFile(format_, name, sha256, tuple(runs), tuple(warnings))


def unit_of(name: str) -> str:
    """The unit that a column's name tells; empty when it tells none.

    >>> [unit_of(n) for n in ("ms", "ms_per_token", "latency_avg_s", "tokens_per_s", "saved_pct", "drafts")]
    ['ms', 'ms', 's', 'tokens/s', '%', '']
    """
    if match := _PER.fullmatch(name):
        return match[1]
    if match := _RATE.fullmatch(name):
        return f"{match[1]}/s"
    if match := _SUFFIX.fullmatch(name):
        return _PLAIN.get(match[1], match[1]) if match[1] else _OF_GPUS[name.rpartition("_")[2]]
    return ""


# --- tables ---------------------------------------------------------------------------------------------

_Row = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class _Columns:
    """Which columns of a table are tags, and which are metrics."""

    file: str
    tags: frozenset[str]
    metrics: frozenset[str]

    def runs(self, rows: list[_Row]) -> list[Run]:
        if not rows:
            raise RunFileError(f"{self.file}: holds no rows", "A table needs a header and one row per run.")
        names = list(dict.fromkeys(name for _, row in rows for name in row))
        for name in sorted((self.tags | self.metrics) - set(names)):
            raise RunFileError(f"{self.file}: has no column {name!r}", f"Columns: {', '.join(names)}.")
        metric = next((name for name in ("metric", "name") if name in names), None)
        if "value" in names and metric is not None:
            return list(self._long(rows, metric))
        return list(self._wide(rows, {name: unit_of(name) for name in names if self._is_metric(name, rows)}))

    def _is_metric(self, name: str, rows: list[_Row]) -> bool:
        if name in self.metrics:
            return True
        if name in self.tags or name.lower() in TAG_COLUMNS:
            return False
        values = [row[name] for _, row in rows if not _absent(row.get(name))]
        return bool(values) and all(_is_number(value) for value in values)

    def _wide(self, rows: list[_Row], metrics: Mapping[str, str]) -> Iterator[Run]:
        for line, row in rows:
            tags = {k: _text(v) for k, v in row.items() if k not in metrics and not _absent(v)}
            yield Run(
                tags,
                tuple(
                    Metric(name, unit, self._number(line, name, row[name]))
                    for name, unit in metrics.items()
                    if not _absent(row.get(name))
                ),
            )

    def _long(self, rows: list[_Row], metric: str) -> Iterator[Run]:
        runs: dict[tuple[tuple[str, str], ...], list[Metric]] = {}
        for line, row in rows:
            name = row.get(metric)
            if _absent(name):
                raise RunFileError(f"{self.file}:{line}: no {metric}", "Every row names what it measured.")
            own = (metric, "value", "unit")
            tags = tuple(sorted((k, _text(v)) for k, v in row.items() if k not in own and not _absent(v)))
            found = runs.setdefault(tags, [])
            if _absent(row.get("value")):
                continue
            unit = row.get("unit")
            unit = unit_of(_text(name)) if _absent(unit) else _text(unit)
            found.append(Metric(_text(name), unit, self._number(line, "value", row["value"])))
        for tags, found in runs.items():
            yield Run(dict(tags), _numbered(found))

    def _number(self, line: int, name: str, value: Any) -> float | None:
        if not _is_number(value):
            raise RunFileError(
                f"{self.file}:{line}: {name} is {_text(value)!r}, not a number",
                "Correct it, or leave the cell empty where nothing was measured.",
            )
        return _finite(value)


def _numbered(metrics: list[Metric]) -> tuple[Metric, ...]:
    """The same metric more than once are samples."""
    counts = Counter(metric.name for metric in metrics)
    seen: dict[str, int] = {}
    numbered = []
    for metric in metrics:
        seen[metric.name] = seen.get(metric.name, 0) + 1
        sample = seen[metric.name] if counts[metric.name] > 1 else None
        numbered.append(Metric(metric.name, metric.unit, metric.value, sample))
    return tuple(numbered)


def _csv_rows(text: str, file: str) -> list[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, file)
                continue
            if len(cells) != len(header):
                raise RunFileError(
                    f"{file}:{reader.line_num}: {len(cells)} cells, but {len(header)} columns",
                    "Every row needs a cell for every column.",
                )
            rows.append((reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))))
    except csv.Error as error:
        raise RunFileError(f"{file}:{reader.line_num}: not CSV ({error})", "Check the quotes.") from None
    return rows


def _header(cells: list[str], file: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise RunFileError(f"{file}:1: no commas in the header", "Separate the columns with commas.")
    if "" in header:
        raise RunFileError(f"{file}:1: a column has no name", "Name every column.")
    for name, times in Counter(header).items():
        if times > 1:
            raise RunFileError(f"{file}:1: two columns are called {name!r}", "Give each its own name.")
    return header


# --- JSON -----------------------------------------------------------------------------------------------


def _json(text: str, columns: _Columns, warnings: list[str]) -> tuple[str, list[Run]]:
    try:
        content = given.from_json(text)
        if "\\u" in text:
            # Halves of surrogate pairs, which no text can hold.
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RunFileError(f"{columns.file}: a text in it is not Unicode", "Correct it.") from None
    except (ValueError, RecursionError) as error:
        raise RunFileError(f"{columns.file}: not JSON ({error})", "Check the file.") from None
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        for number, row in enumerate(content, start=1):
            for name, value in row.items():
                if isinstance(value, dict | list):
                    raise RunFileError(
                        f"{columns.file}: {name} of entry {number} is not a single value",
                        "A table in JSON is a list of flat objects.",
                    )
        return "json", columns.runs(list(enumerate(content, start=1)))
    if isinstance(content, dict):
        if isinstance(content.get("latencies"), list) and "avg_latency" in content:
            return "vllm-bench-latency", [_vllm_latency(content, columns.file)]
        summary = content.get("summary")
        if isinstance(summary, dict) and _summaries(summary):
            return "benchmark-sweep", _sweep(content, columns.file, warnings)
    raise RunFileError(
        f"{columns.file}: JSON of an unknown form",
        "Known are a list of flat objects, what vllm bench latency --output-json writes, and sweeps with "
        "summary.per_mode.",
    )


def _vllm_latency(content: dict[str, Any], file: str) -> Run:
    """``vllm bench latency --output-json``: average, iterations and percentiles of the latency in seconds.

    The file does not say what was run: that comes as tags.
    """
    percentiles = content.get("percentiles") or {}
    named = {f"latency_p{percent}": value for percent, value in percentiles.items()}
    metrics = [Metric("avg_latency", "s", _measured(content["avg_latency"], file, "avg_latency"))]
    metrics += [
        Metric("latency", "s", _measured(value, file, "latencies"), sample)
        for sample, value in enumerate(content["latencies"], start=1)
    ]
    metrics += [Metric(name, "s", _measured(value, file, name)) for name, value in named.items()]
    return Run({}, tuple(metrics))


def _summaries(summary: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """What the summary of a sweep gives numbers per, and these."""
    return [
        (name.removeprefix("per_"), entries)
        for name, entries in summary.items()
        if name.startswith("per_") and isinstance(entries, list)
    ]


def _sweep(content: dict[str, Any], file: str, warnings: list[str]) -> list[Run]:
    """One run per mode and one per batch; the tag scope tells them apart."""
    config = {
        name: _without_folder(_text(value))
        for name, value in (content.get("config") or {}).items()
        if not isinstance(value, dict | list) and value is not None
    }
    runs = []
    for scope, entries in (*_summaries(content["summary"]), ("batch", content.get("results") or [])):
        for entry in entries:
            if not isinstance(entry, dict):
                raise RunFileError(f"{file}: a {scope} is no object", "Is the file complete?")
            tags = {**config, "scope": scope}
            metrics = []
            for name, value in entry.items():
                if value is None:
                    continue
                if name == "ncu_metrics" and isinstance(value, dict):
                    metrics += [
                        Metric(metric, _ncu_unit(metric), _measured(number, file, metric))
                        for metric, number in value.items()
                        if number is not None
                    ]
                elif isinstance(value, dict | list):
                    left_out = f"{name} of each {scope} holds more than one value and was left out"
                    if left_out not in warnings:
                        warnings.append(left_out)
                elif isinstance(value, str | bool) or name in TAG_COLUMNS:
                    tags[name] = _text(value)
                else:
                    metrics.append(Metric(name, unit_of(name), _measured(value, file, name)))
            runs.append(Run(tags, tuple(metrics)))
    return runs


def _ncu_unit(metric: str) -> str:
    if "pct" in metric:
        return "%"
    return "byte" if "__bytes" in metric else "sector" if "sectors" in metric else ""


def _without_folder(text: str) -> str:
    """Of an absolute path the last part: folders tell who ran it, not what was run."""
    for path in (PurePosixPath(text), PureWindowsPath(text)):
        if path.is_absolute() or text.startswith("~"):
            return path.name
    return text


# --- values ---------------------------------------------------------------------------------------------


def _measured(value: Any, file: str, name: str) -> float | None:
    if isinstance(value, str) or not _is_number(value):
        raise RunFileError(f"{file}: {name} is {_text(value)!r}, not a number", "Is the file complete?")
    return _finite(value)


def _absent(value: Any) -> bool:
    return value is None or value == ""


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    # Python also reads 1_000 as a number; nobody else does.
    return not (isinstance(value, str) and "_" in value)


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if number - number == 0 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
