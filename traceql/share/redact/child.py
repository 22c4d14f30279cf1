"""The process that redacts: ``python -m traceql.share.redact.child``, started by `apart`.

It is asked and answers in the form of `traceql.read.child`; without tables.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from traceql.read import child
from traceql.share.redact import writers
from traceql.share.redact.names import Names
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from traceql.read.base import Progress


def redact(_: IO[bytes], request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write a report again.

    Returns:
        What was removed, and what the names know now; or why it cannot be written.
    """
    gc.enable()
    names, removed = Names(), Removed()
    names.become(request["names"])
    try:
        writers.write(
            Path(request["path"]), request["file_name"], Path(request["target"]), names, removed, progress
        )
    except OSError as error:
        return {"failed": error.args}
    return {"removed": removed, "names": names.state()}


if __name__ == "__main__":
    child.main(redact)
