"""What can be made again, kept in the user's cache folder for the next time.

A kept file is named after what it was made of and after its content: another version of anything, or a
damaged file, is no match, and it is made anew. Nothing here is needed: without a cache folder all is made
as ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from traceql.read import temporary

#: Within the folder: databases of reports, each with a file that says what its traces are called, as JSON.
REPORTS, NAMES = "reports", "names.json"
_DIGITS = 16


def find(kind: str, made_of: str, suffix: str) -> bytes | None:
    """The kept content of a kind that was made of the same; None if there is none."""
    with contextlib.suppress(OSError, RuntimeError):
        for kept in folder().glob(f"{kind}-{_hash(made_of.encode())}-*{suffix}"):
            content = kept.read_bytes()
            if kept.stem.endswith(_hash(content)):
                return content
    return None


def keep(kind: str, made_of: str, suffix: str, content: bytes) -> None:
    """Keep what has just been made, in place of earlier ones of its kind."""
    with contextlib.suppress(OSError, RuntimeError):
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        # A file that is whole when it gets its name.
        with temporary.folder(place) as new:
            file = new / "new"
            file.write_bytes(content)
            for old in place.glob(f"{kind}-*{suffix}"):
                old.unlink(missing_ok=True)
            file.rename(place / f"{kind}-{_hash(made_of.encode())}-{_hash(content)}{suffix}")


def names_of_reports() -> str:
    """What the traces of all kept reports are called: lists in JSON, one behind the other."""
    with contextlib.suppress(OSError, RuntimeError):
        return "\n".join(
            names.read_text("utf-8", "replace") for names in (folder() / REPORTS).glob(f"*/{NAMES}")
        )
    return ""


def folder() -> Path:
    """The user's folder for what can be made again, as the system has it.

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "traceql"


def _hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()[:_DIGITS]
