"""Reports that were decoded in another process are decoded once for all tests that only need them.

What was decoded is remembered by what it was made of: the format, the bytes, what was wanted, and in how many parts.
Errors are not. The tests of readers and those in ``robust/`` decode each time.
"""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from traceql.read import worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql.read.base import RawReport
    from traceql.read.formats import Reader

_REMEMBERED: dict[tuple[str, ...], RawReport] = {}


def decode(reader: Reader, path: Path, **how: Any) -> RawReport:
    """As `worker.decode`."""
    if path.is_dir():
        return worker.decode(reader, path, **how)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    key = (reader.format, content, path.name, json.dumps(how["wanted"]), str(how.get("parts")))
    if key not in _REMEMBERED:
        _REMEMBERED[key] = worker.decode(reader, path, **how)
    return _REMEMBERED[key]


#: In place of the module `worker` where reports are stored.
ONCE = SimpleNamespace(decode=decode, Stop=worker.Stop)


def refusing(refused: str, error: Callable[[Path], Exception]) -> Callable[..., RawReport]:
    """As `worker.decode`, but what the reader of the format `refused` is given ends in an error."""
    decode_ = worker.decode

    def one(reader: Reader, path: Path, **how: Any) -> RawReport:
        if reader.format == refused:
            raise error(path)
        return decode_(reader, path, **how)

    return one
