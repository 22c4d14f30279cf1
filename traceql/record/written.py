"""What is written down beside a report: how it was recorded, and what was measured (see `read.sidecar`)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from traceql.read import sidecar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql.record.running import Outcome

# The folders of absolute paths: at the start of a word, of a value or of a quoted text up to its end,
# elsewhere up to a space.
_FOLDERS = re.compile(r"""(?:(?<=["'=])|^)/(?:[^/"']*/)*|(?<![\w./])/(?:[^\s/:;,"']+/)+""")


def without_folders(text: str) -> str:
    """A word of a command, with absolute paths shortened to their last part.

    Sidecars are handed on with their reports: where things lie on a machine tells about its people, and is of
    use to nobody else.

    >>> without_folders("--output=/home/ada/results/run"), without_folders("/opt/venv/bin/python3")
    ('--output=run', 'python3')
    >>> without_folders('{"model":"/home/Ada L/llama","url":"http://host/v1"}'), without_folders("runs/a.py")
    ('{"model":"llama","url":"http://host/v1"}', 'runs/a.py')
    """
    return _FOLDERS.sub("", text)


def write_sidecar(
    report: Path,
    command: Sequence[str],
    outcome: Outcome,
    *,
    facts: Mapping[str, Any],
    model: str | None = None,
    tags: Mapping[str, str] | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the sidecar of a report; its form is that of `read.sidecar`.

    Args:
        report: the report.
        command: what was run, profiler and all; written down `without_folders`.
        outcome: how it ended.
        facts: what `machine.facts` found.
        model: what was served, for example ``llama-3.1-8b``.
        tags: labels for the trace.
        runs: what was measured: ``{"tags": {…}, "metrics": [{"name", "unit", "value"}]}``.
    """
    content = {
        "format": sidecar.FORMAT,
        "version": sidecar.VERSION,
        "report": report.name,
        "command": [without_folders(word) for word in command],
        "started_utc": outcome.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(outcome.seconds, 3),
        "exit_status": outcome.status,
        "timed_out": outcome.timed_out,
        **facts,
        "model": model,
        "tags": dict(tags or {}),
        "runs": list(runs),
    }
    path = sidecar.path_of(report)
    # Whole or not at all, whatever happens while it is written.
    partial = path.with_name(path.name + ".part")
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)
    return path
