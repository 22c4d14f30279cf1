"""A sidecar (``RUN.run.json``) without what is private in it; its form: `traceql.read.sidecar`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from traceql import given
from traceql.errors import RunFileError
from traceql.read import sidecar
from traceql.share.redact import removed as kinds
from traceql.share.redact.removed import unknown
from traceql.share.redact.texts import Facts, Texts
from traceql.share.redact.words import words

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

_REMEDY: Final = "Leave it out: a report can be read without its sidecar."
# What goes with its key → its kind. A redacted report has another size.
_GONE: Final = {"command": kinds.COMMAND_LINE, "environment": kinds.ENVIRONMENT, "report_bytes": None}
_PLAIN: Final = words("format version started_utc seconds exit_status timed_out interrupted")
_TOLD: Final = words("report profiler gpus versions model tags runs")
_NAME: Final = re.compile(r"[\w.\- ]+")
_PLAIN_TEXT: Final = re.compile(r"[\w.:+\-]*")


def write(source: Path, target: Path, names: Names, removed: Removed) -> None:
    """Write the sidecar again.

    Raises:
        RunFileError: it is none.
        UnsupportedReportError: it holds something that is not known.
    """
    content = given.content(source, source.name, RunFileError, _REMEDY, sidecar.MAX_BYTES)
    try:
        data = given.from_json(given.decoded(content))
    except (ValueError, RecursionError):
        raise RunFileError(f"{source.name}: not JSON", _REMEDY) from None
    if not isinstance(data, dict) or data.get("format") != sidecar.FORMAT:
        raise RunFileError(f'{source.name}: not a sidecar: "format" is not "{sidecar.FORMAT}"', _REMEDY)
    facts = Facts()
    _tell(facts, data.get("environment"))
    texts = Texts(facts, names, removed)
    kept: dict[str, Any] = {}
    for key, value in data.items():
        if key in _GONE:
            if (kind := _GONE[key]) is not None and value:
                removed.add(kind)
        elif key in _PLAIN:
            if not isinstance(value, int | float | None) and not (
                isinstance(value, str) and _PLAIN_TEXT.fullmatch(value)
            ):
                raise unknown(source.name, "a value", key)
            kept[key] = value
        elif key in _TOLD:
            kept[key] = _told(value, texts, source.name)
        else:
            raise unknown(source.name, "a key", f"of {len(key)} letters, beside {', '.join(sorted(_TOLD))}")
    try:
        target.write_text(
            json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
        )
    except UnicodeEncodeError:
        raise RunFileError(f"{source.name}: a text in it is not Unicode", _REMEDY) from None


def _tell(facts: Facts, environment: Any) -> None:
    """What the environment tells, as variables with their contents or as lines of both."""
    if isinstance(environment, str):
        facts.environment(environment)
    elif isinstance(environment, list):
        for one in environment:
            _tell(facts, one)
    elif isinstance(environment, dict):
        for name, value in environment.items():
            if isinstance(value, str):
                facts.environment(f"{name}={value}")
            else:
                _tell(facts, value)


def _told(value: Any, texts: Texts, file: str) -> Any:
    if isinstance(value, str):
        return texts.free(texts.uuid(value))
    if isinstance(value, list):
        return [_told(one, texts, file) for one in value]
    if isinstance(value, dict):
        if not all(_NAME.fullmatch(name) for name in value):
            raise unknown(file, "a name", "with other signs than letters, digits, dots and dashes")
        told = {texts.free(name): _told(one, texts, file) for name, one in value.items()}
        if len(told) < len(value):
            raise unknown(file, "a name", "that is another's without what is private in it")
        return told
    return value
