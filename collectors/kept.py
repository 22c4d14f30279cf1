"""What a stage has measured: a line for each point, in ``STAGE.jsonl``, with all that it was measured by.

A line counts as measured only for the same settings, model, environment, versions and GPUs: its digest says
which. Lines of others stay in the file, and in the table where they say themselves what is different about
them (GPU, model, tags).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
from typing import TYPE_CHECKING, Any

from traceql.errors import CollectError
from traceql.read import sidecar
from traceql.record import written
from traceql.record.environment import is_secret, is_speed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from collectors.stages import Point, Stage

#: A line with a thousand samples stays far under it.
MAX_LINE_BYTES = 4 << 20
# Of a GPU, what tells one measurement from another; temperature and clocks at the time do not.
_OF_GPUS = ("name", "driver", "memory_mib", "max_sm_clock_mhz", "max_memory_clock_mhz", "power_limit_w")


def made_by(
    stage: Stage, own_variables: Iterable[str], variables: Mapping[str, str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """All that a result depends on, its point aside.

    Args:
        stage: its settings, but for those that follow from its points.
        own_variables: the user's ``NAME=VALUE`` and ``NAME``.
        variables: the worker's.
        facts: of `machine.facts`.
    """
    asked = {item.partition("=")[0] for item in (*stage.environment, *own_variables)}
    counted = {name for name in variables if name in asked or is_speed(name)}
    return {
        "model": stage.model,
        "settings": {name: value for name, value in stage.settings.items() if name not in stage.follows},
        "profiler": {**facts.get("profiler", {}), **stage.profiler},
        "environment": {n: "***" if is_secret(n) else variables[n] for n in sorted(counted)},
        "versions": facts["versions"],
        "gpus": [{name: gpu.get(name) for name in _OF_GPUS} for gpu in facts["gpus"]],
    }


def digest(by: Mapping[str, Any]) -> str:
    """The same for the same `made_by`, in whatever order."""
    return hashlib.sha256(json.dumps(by, sort_keys=True, default=list).encode()).hexdigest()[:16]


def differences(by: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Where two `made_by` differ: ``settings.input_len``, ``versions.vllm``, ``model`` and so on."""
    found = []
    for name, value in by.items():
        before = other.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            found += [f"{name}.{key}" for key in {**value, **before} if value.get(key) != before.get(key)]
        elif value != before:
            found.append(name)
    return found


def lines(path: Path) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The results of a file, in order, and what in it is none."""
    good: list[dict[str, Any]] = []
    bad: list[bytes] = []
    if not path.exists():
        return good, bad
    with path.open("rb") as file:
        begins = True
        while line := file.readline(MAX_LINE_BYTES):
            # Of a line that is too long, the rest is passed over.
            if begins and line.strip():
                result = parsed(line)
                if result is None:
                    bad.append(line)
                else:
                    good.append(result)
            begins = line.endswith(b"\n")
    return good, bad


def parsed(line: bytes) -> dict[str, Any] | None:
    """A line as a result; None if it is none."""
    try:
        result = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return result if is_result(result) else None


def is_result(result: object) -> bool:
    """Whether something has the form of what a worker says about a point."""
    return (
        isinstance(result, dict)
        and isinstance(result.get("point"), str)
        and isinstance(result.get("ok"), bool)
        and isinstance(result.get("tags"), dict)
        and isinstance(result.get("asked", {}), dict)
        and isinstance(by := result.get("by", {}), dict)
        and isinstance(gpus := by.get("gpus", []), list)
        and all(isinstance(gpu, dict) for gpu in gpus)
        and isinstance(result.get("metrics"), list)
        and all(
            isinstance(m, dict)
            and isinstance(m.get("name"), str)
            and isinstance(m.get("unit", ""), str)
            and (m.get("value") is None or type(m["value"]) in (int, float))
            and type(m.get("rank", 0)) is int
            for m in result["metrics"]
        )
    )


class Kept:
    """The results of one stage in a folder, and the table made of them.

    Args:
        out: the folder.
        stage: the stage.
        by: see `made_by`.
    """

    def __init__(self, out: Path, stage: Stage, by: Mapping[str, Any]) -> None:
        self._out = out
        self._stage = stage
        self.digest = digest(by)
        # As it is written down: results are handed on.
        (text,) = written.masked([json.dumps(by, default=list)])
        self._by: dict[str, Any] = json.loads(written.without_folders(text))

    def path(self, suffix: str) -> Path:
        """A file of the stage."""
        return self._out / f"{self._stage.name}{suffix}"

    def report(self, point: str | None, suffix: str) -> Path:
        """The report of a point, or of all."""
        return self.path(suffix if point is None else f"_{point}{suffix}")

    def set_aside(self) -> int:
        """Move what is no result, such as half a line, into a file of its own; returns how many lines."""
        good, bad = lines(self.path(".jsonl"))
        if bad:
            with self.path(".rejected").open("ab") as file:
                file.writelines(line.rstrip(b"\n") + b"\n" for line in bad)
        if bad or _is_cut(self.path(".jsonl")):
            written.write_whole(self.path(".jsonl"), "".join(map(_line, good)))
        return len(bad)

    def others(self) -> tuple[int, list[str]]:
        """How many of the stage's points were measured by something else only, and what that was."""
        mine = {result["point"] for result in self.results()}
        planned = {point.name for point in self._stage.points} - mine
        found = {r["point"]: r.get("by", {}) for r in lines(self.path(".jsonl"))[0] if r["point"] in planned}
        return len(found), sorted({name for by in found.values() for name in differences(self._by, by)})

    def results(self) -> list[dict[str, Any]]:
        """What was measured by the same: of each point the last result, if any is good the last of those."""
        found: dict[str, dict[str, Any]] = {}
        for result in lines(self.path(".jsonl"))[0]:
            if result.get("digest") == self.digest and (result["ok"] or result["point"] not in found):
                found[result["point"]] = result
        return list(found.values())

    def missing(self, suffixes: Sequence[str]) -> list[Point]:
        """The points not measured yet; a report that holds all of them is made again as a whole.

        Args:
            suffixes: that its reports may have; none if there are no reports.
        """
        done = {result["point"]: result for result in self.results() if result["ok"]}
        alone = not suffixes or self._stage.report_per_point

        def there(point: Point) -> bool:
            result = done.get(point.name)
            if result is None or result.get("asked", {}) != dict(point.tags):
                return False
            if "skipped" in result:
                return True
            name = point.name if self._stage.report_per_point else None
            return not suffixes or any(self._is_mine(self.report(name, suffix)) for suffix in suffixes)

        missing = [point for point in self._stage.points if not there(point)]
        return missing if alone or not missing else list(self._stage.points)

    def _is_mine(self, report: Path) -> bool:
        """Whether a report is there that was recorded by the same."""
        try:
            beside = json.loads(sidecar.path_of(report).read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
        return report.exists() and isinstance(beside, dict) and beside.get("digest") == self.digest

    def add(self, result: Mapping[str, Any], point: Point) -> None:
        """Write a result down: whole, or not at all.

        Raises:
            CollectError: it cannot be written.
        """
        line = {**result, "asked": dict(point.tags), "digest": self.digest, "by": self._by}
        path = self.path(".jsonl")
        rest = memoryview(_line(line).encode("utf-8"))
        with path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError as error:
                file.truncate(size)
                raise CollectError(
                    f"{path}: cannot be written ({error.strerror})",
                    "Make room: what was measured before is kept, and the next run goes on from there.",
                ) from error
        if self._stage.table:
            self._write_table()

    def rows(self) -> list[dict[str, Any]]:
        """All that the stage has measured, the latest of what looks alike; with GPU and model of its own."""
        planned = {self._identity(self._by, point.name, point.tags) for point in self._stage.points}
        latest: dict[str, dict[str, Any]] = {}
        for result in lines(self.path(".jsonl"))[0]:
            by = result.get("by")
            if not isinstance(by, dict):
                continue
            asked = result.get("asked", result["tags"])
            identity = self._identity(by, result["point"], asked)
            # What was measured by something else under the name of what is wanted now.
            stale = identity in planned and result.get("digest") != self.digest
            if result["metrics"] and not stale:
                latest[identity] = {**result, **_known(gpu=_gpu(by), model=by.get("model"))}
        order = {point.name: place for place, point in enumerate(self._stage.points)}
        found = list(latest.values())
        all_planned = all(row["point"] in order for row in found)

        def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
            within = order[row["point"]] if all_planned else _natural(row["point"])
            return str(row.get("gpu")), str(row.get("model")), within

        return sorted(found, key=place)

    def _identity(self, by: Mapping[str, Any], point: str, tags: Mapping[str, str]) -> str:
        return json.dumps([_gpu(by), by.get("model"), point, dict(tags)], sort_keys=True)

    def _write_table(self) -> None:
        """A row for each and for its ranks, in order: tags, then what was measured once (not its samples)."""
        rows = [
            {
                **_known(gpu=row.get("gpu"), model=row.get("model")),
                **run["tags"],
                **{m["name"]: m.get("value") for m in run["metrics"] if m.get("sample") is None},
            }
            for row in self.rows()
            for run in runs(row["tags"], row["metrics"])
        ]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        written.write_whole(self._out / f"{self._stage.table}.csv", text.getvalue())


def of_all(metrics: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are of no single rank."""
    return [metric for metric in metrics if "rank" not in metric]


def runs(tags: Mapping[str, str], metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A result as a sidecar has it: what was measured once, and what each rank measured.

    >>> runs({"batch": "1"}, [{"name": "ms", "value": 2.0}, {"name": "gpu_ms", "value": 1.0, "rank": 0}])
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'tags': {'batch': '1'}, 'metrics': [{'name': 'ms', 'value': 2.0}]},
     {'tags': {'batch': '1', 'rank': '0'}, 'metrics': [{'name': 'gpu_ms', 'value': 1.0}]}]
    """
    found: list[dict[str, Any]] = [{"tags": dict(tags), "metrics": of_all(metrics)}]
    for rank in sorted({metric["rank"] for metric in metrics if "rank" in metric}):
        own = [{k: v for k, v in m.items() if k != "rank"} for m in metrics if m.get("rank") == rank]
        found.append({"tags": {**tags, "rank": str(rank)}, "metrics": own})
    return found


def _is_cut(path: Path) -> bool:
    """Whether the last line has no end: the next one would be taken for a part of it."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _gpu(by: Mapping[str, Any]) -> str | None:
    gpus = by.get("gpus") or [{}]
    name = gpus[0].get("name")
    return None if name is None else str(name)


def _known(**facts: str | None) -> dict[str, str]:
    return {name: text for name, text in facts.items() if text is not None}


def _natural(name: str) -> list[tuple[int, str]]:
    """batch_2 before batch_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _line(result: Mapping[str, Any]) -> str:
    return json.dumps(_finite(result), ensure_ascii=True) + "\n"


def _finite(value: Any) -> Any:
    """Without numbers that JSON has no words for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return list(_elements(value)) if isinstance(value, list | tuple) else value


def _elements(values: Iterable[Any]) -> Iterator[Any]:
    return (_finite(value) for value in values)
