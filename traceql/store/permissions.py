"""A database that holds an environment is for its owner alone: the file, and the log that is written first.

Windows has no such permissions: there the folder's are what counts.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path


def keep_to_owner(database: str) -> bool:
    """Take a database, open for a change, from everybody but its owner; whether others could read it.

    Where the file system keeps no permissions, or the file is somebody else's, they stay as they are.
    """
    if sys.platform == "win32":
        return False
    place = Path(database)
    mode = stat.S_IMODE(place.stat().st_mode)
    shared = bool(mode & 0o077)
    with contextlib.suppress(OSError):
        if shared:
            place.chmod(mode & 0o700)
        # DuckDB would make it for all; one that is there it uses as it is.
        log = os.open(_log(database), os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(log, 0o600)
        finally:
            os.close(log)
    return shared and not place.stat().st_mode & 0o077


def remove_empty_log(database: str) -> None:
    """Remove the log that was made for a change of which nothing came; for who has the database open."""
    log = _log(database)
    with contextlib.suppress(OSError):
        if log.stat().st_size == 0:
            log.unlink()


def _log(database: str) -> Path:
    return Path(f"{database}.wal")
