"""What is written down beside a report: how it was recorded, and what was measured (see `read.sidecar`)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from traceql.errors import CollectError
from traceql.read import sidecar
from traceql.record.environment import is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql.record.running import Outcome

# The folders of absolute paths: at the start of a word, of a value or of a quoted text up to its end,
# elsewhere up to a space.
_FOLDERS = re.compile(r"""(?:(?<=["'=])|^)/(?:[^/"']*/)*|(?<![\w./])/(?:[^\s/:;,"']+/)+""")

_MASK = "***"
# NAME=value, --name=value; "name": "value" in JSON.
_ASSIGNED = re.compile(r"""(?P<name>[A-Za-z][\w-]*)(?P<equals>=|["']\s*:\s*["'])(?P<value>[^"'\s]+)""")
# As some services write their own, whatever stands before them; and who has a password in an address.
_BY_FORM = re.compile(
    r"\b(?:hf_|sk-|ghp_|gho_|github_pat_|glpat-|xox[abps]-|AKIA|nvapi-)[\w-]{12,}|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)"
)


def masked(command: Sequence[str]) -> list[str]:
    """The words of a command, without values that their names or their form make secrets.

    >>> masked(["serve", "--api-key", "abc", "--hf-token=abc", "A_KEY=abc", "--max-tokens", "128"])
    ['serve', '--api-key', '***', '--hf-token=***', 'A_KEY=***', '--max-tokens', '128']
    """
    words, secret_follows = [], False
    for word in command:
        if secret_follows and not word.startswith("-"):
            words.append(_MASK)
        else:
            words.append(_BY_FORM.sub(_MASK, _ASSIGNED.sub(_without_value, word)))
        secret_follows = word.startswith("-") and "=" not in word and is_secret(_plain(word))
    return words


def _without_value(found: re.Match[str]) -> str:
    return f"{found['name']}{found['equals']}{_MASK}" if is_secret(_plain(found["name"])) else found[0]


def _plain(option: str) -> str:
    return option.strip("-").replace("-", "_")


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


def check(
    tags: Mapping[str, str], metrics: Sequence[Mapping[str, Any]] = (), model: str | None = None
) -> None:
    """Refuse what nobody could read again.

    Raises:
        CollectError: a sidecar with this would be refused.
    """
    why = sidecar.refusal(tags, [(str(m["name"]), float(m["value"])) for m in metrics], model)
    if why is not None:
        raise CollectError(why, "Nothing was started.")


def write_sidecar(
    report: Path,
    command: Sequence[str],
    outcome: Outcome,
    *,
    facts: Mapping[str, Any],
    name: str | None = None,
    model: str | None = None,
    tags: Mapping[str, str] | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the sidecar of a report; its form is that of `read.sidecar`.

    Args:
        report: the report.
        command: what was run, profiler and all; written down `without_folders` and `masked`.
        outcome: how it ended.
        facts: what `machine.facts` found.
        name: of the report, if it will get another one.
        model: what was served, for example ``llama-3.1-8b``.
        tags: labels for the trace.
        runs: what was measured: ``{"tags": {…}, "metrics": [{"name", "unit", "value"}]}``.

    Raises:
        CollectError: it cannot be written.
    """
    content = {
        "format": sidecar.FORMAT,
        "version": sidecar.VERSION,
        "report": name or report.name,
        "report_bytes": report.stat().st_size if report.is_file() else None,
        "command": [without_folders(word) for word in masked(command)],
        "started_utc": outcome.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(outcome.seconds, 3),
        "exit_status": outcome.status,
        "timed_out": outcome.timed_out,
        "interrupted": outcome.interrupted is not None,
        **facts,
        "model": model,
        "tags": dict(tags or {}),
        "runs": list(runs),
    }
    path = sidecar.path_of(report)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, whatever happens while it is written.

    Raises:
        CollectError: it cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CollectError(
            f"{path}: cannot be written ({error.strerror})", "Make room, or choose another folder."
        ) from error
