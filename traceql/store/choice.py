"""Which kind of database a path means: a file, a folder of Parquet files, or memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traceql.store.connection import Store
from traceql.store.waiting import WAIT_S, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql.store.definitions import Definitions

# With one of them at its end a path is that of a folder.
_SEPARATORS = tuple({"/", os.sep})


def store(
    path: str,
    *,
    definitions: Definitions,
    lake: bool = False,
    allow_files: bool = False,
    timeout_s: float | None = None,
    wait_s: float = WAIT_S,
    tell: Callable[[str], None] = log,
) -> Store:
    """The store of a path, which is opened when it is first used.

    Args:
        path: of a file or a folder; ``":memory:"`` for one that lasts as long as the object.
        definitions: views and macros that questions use.
        lake: whether what is not there yet becomes a lake; what ends in a slash or is a folder is one anyway.
        allow_files: let SQL read and write other files and load extensions.
        timeout_s: how long a statement may take; None for any time.
        wait_s: how long a question or a change waits for another process.
        tell: is given a sentence when one waits, once.
    """
    from traceql.store.lake.place import is_one

    of: type[Store] = Store
    if lake or path.endswith(_SEPARATORS) or is_one(path):
        # Most databases are files.
        from traceql.store.lake.store import Lake

        of = Lake
    return of(
        path, allow_files=allow_files, definitions=definitions, timeout_s=timeout_s, wait_s=wait_s, tell=tell
    )
