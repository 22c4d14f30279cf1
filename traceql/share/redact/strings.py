"""The texts of a string table, each by what refers to it; what nothing refers to goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from traceql.share.redact import removed as kinds
from traceql.share.redact.names import NAMELESS
from traceql.share.redact.texts import is_environment, is_path
from traceql.share.redact.words import words

if TYPE_CHECKING:
    from traceql.share.redact.texts import Texts

# Names of calls, which a report lists whether or not they were made; and nsys's own words.
_CALLS: Final = re.compile(r"(?:cu(?:da)?[A-Z]|cublas|cudnn|cusparse|nccl[A-Z]|MPI_)\w*")
_WORDS: Final = words(
    "GpuMetrics SocMetrics mm_ task_submit class_id syncpt_id syncpt_thresh pid tid GenericCounters "
    "FTrace ETW Unknown ETWEvent NvMedia [Unknown]"
)

#: Libraries that any process may have, and what the system calls its own: [kernel.kallsyms].
EVERYBODYS: Final = re.compile(
    r"/(?:usr/)?lib(?:32|64|x32)?/(?:[\w-]+-linux-gnu\w*/)?[^/]+$|/opt/nvidia/|/usr/local/(?:cuda|nvidia)|\["
)
# Of processes that were not profiled.
_FOREIGN: Final = frozenset({"foreign thread", "foreign function", "foreign file"})


@dataclass(frozen=True)
class String:
    """A text of a string table.

    Attributes:
        number: its id.
        text: what it says.
        uses: what it is for: kernel, range, call, function, file, environment, metric, label, thread,
            output, stream (the file with it), foreign thread, foreign function, foreign file; nothing if none
            refers to it.
    """

    number: int
    text: str
    uses: frozenset[str]


def redacted(string: String, texts: Texts) -> str:
    """The text as it may be shared."""
    text, uses = string.text, string.uses
    if not text:
        return text
    if "output" in uses:
        return texts.emptied(text, kinds.OUTPUT)
    if "environment" in uses or (is_environment(text) and not uses & {"kernel", "range", "call", "function"}):
        return texts.emptied(text, kinds.ENVIRONMENT)
    if uses == {"foreign thread"}:
        return texts.emptied(text, kinds.FOREIGN, f"thread-{string.number}")
    if "foreign function" in uses and uses <= _FOREIGN and not NAMELESS.fullmatch(text):
        return texts.emptied(text, kinds.FOREIGN, f"function-{string.number}")
    if uses == {"foreign file"} and not EVERYBODYS.match(text):
        return texts.emptied(text, kinds.FOREIGN, f"file-{string.number}")
    if not uses:
        if text in _WORDS or _CALLS.fullmatch(text):
            return text
        return texts.emptied(text, kinds.UNUSED)
    if "stream" in uses:
        return texts.place(text)
    if uses <= {"file", *_FOREIGN}:
        return texts.path(text)
    if uses & {"function", "file", "thread"} and is_path(text):
        return texts.path(text)
    name = texts.name(text)
    if "call" in uses and "kernel" not in uses and (_CALLS.fullmatch(text) or "range" not in uses):
        return name
    for use, kind in (("kernel", kinds.KERNEL), ("range", kinds.RANGE), ("function", kinds.FUNCTION)):
        if use in uses:
            return texts.names.pseudonym(name, kind, texts.removed)
    return name
