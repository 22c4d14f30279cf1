"""Sampled stacks as a file of speedscope (https://www.speedscope.app), which draws flame graphs of them.

A profile for each thread and kind of samples, in the order of time; each sample weighs 1, as how much time it
stands for is not recorded. The form is that of https://www.speedscope.app/file-format-schema.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from traceql.ask import gaps, place
from traceql.errors import MissingDataError
from traceql.share import files
from traceql.tables import sqlfiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from traceql.ask.answer import Asker
    from traceql.ask.gaps import Note

#: What a file may be called.
SUFFIXES = (".speedscope.json",)

# The question that is asked for the same stretch of the same traces, and lacks what the file lacks.
_LIKE = "cpu_flame_graph"
_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_NO_STACK = ("[no stack]", None)


@dataclass
class Written:
    """What a file holds.

    Attributes:
        profiles, samples, frames: how many threads by kind of samples, samples, and frames that differ.
        notes: what has to be known about them.
    """

    profiles: int = 0
    samples: int = 0
    frames: int = 0
    notes: list[Note] = field(default_factory=list)


def write(ask: Asker, traces: Sequence[str], file: IO[bytes], **where: Any) -> Written:
    """Write the samples of traces into one file.

    Args:
        ask: the database.
        traces: names, patterns or tags; none for all.
        file: takes the bytes, from the first to the last.
        **where: from, to and within, as questions have them: times of each trace.

    Raises:
        QueryError: there is no such trace; or the time is none.
        MissingDataError: no trace has samples there.
    """
    query = ask.catalog.find(_LIKE)
    bound = place.named(ask.store.run, query, query.bind({"trace": list(traces) or None, **where}))
    about = partial(ask.store.run, about=place.about(bound))
    written = Written(notes=list(gaps.notes(about, ask.catalog, query, bound)))
    at = place.of(about, query, bound)
    written.notes += at.notes
    run = partial(ask.store.run, narrowed=at.narrowed)
    threads = run(_sql("samples"), {"trace": bound["trace"]}).to_pylist()
    if not threads:
        raise MissingDataError(
            f"{', '.join(traces) or ask.store.path}: no samples of CPUs or Python there",
            "Recorded by: nsys profile --sample=process-tree; of Python --python-sampling=true",
        )
    ids = sorted({one for thread in threads for one in thread["stacks"]})
    found = run(
        _sql("stacks"), tables={"wanted": pa.table({"stack_ids": pa.array([ids], pa.list_(pa.int64()))})}
    )
    frames: dict[tuple[str, str | None], int] = {}
    stacks = {
        row["stack_id"]: [frames.setdefault((one["name"], one["file"]), len(frames)) for one in row["frames"]]
        for row in found.to_pylist()
    }
    profiles = []
    for thread in threads:
        samples = [
            stacks[one] if one in stacks else [frames.setdefault(_NO_STACK, len(frames))]
            for one in thread["stacks"]
        ]
        written.samples += len(samples)
        profiles.append(
            {
                "type": "sampled",
                "name": _called(thread),
                "unit": "none",
                "startValue": 0,
                "endValue": len(samples),
                "samples": samples,
                "weights": [1] * len(samples),
            }
        )
    written.profiles, written.frames = len(profiles), len(frames)
    told = {
        "$schema": _SCHEMA,
        "name": ", ".join(dict.fromkeys(thread["trace"] for thread in threads)),
        "exporter": "traceql",
        "activeProfileIndex": 0,
        "shared": {
            "frames": [{"name": name} if of is None else {"name": name, "file": of} for name, of in frames]
        },
        "profiles": profiles,
    }
    file.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    return written


def write_file(ask: Asker, traces: Sequence[str], path: Path, **where: Any) -> Written:
    """Write the samples of traces into a file of its own; see `write`.

    Raises:
        TraceqlError: the file is called otherwise than `SUFFIXES` say, or cannot be written.
    """
    return files.written(path, SUFFIXES, lambda file: write(ask, traces, file, **where))


def _called(thread: dict[str, Any]) -> str:
    """What a profile is called: trace, kind of samples, thread and process."""
    who = " ".join(str(one) for one in (thread["thread"], "thread", thread["tid"]) if one is not None)
    whose = " ".join(str(one) for one in (thread["process"], "process", thread["pid"]) if one is not None)
    return f"{thread['trace']}: {thread['of']} samples of {who}, {whose}"


def _sql(name: str) -> str:
    file = f"{name}.sql"
    return sqlfiles.untagged(resources.files(__package__) / "sql" / file, f"speedscope/{file}")
