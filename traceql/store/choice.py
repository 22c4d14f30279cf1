"""Which kind of database a path means: a file, a folder of Parquet files, or memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.store.connection import Store

if TYPE_CHECKING:
    from typing import Unpack

    from traceql.store.connection import Options


def store(path: str, *, lake: bool = False, **options: Unpack[Options]) -> Store:
    """The store of a path, which is opened when it is first used.

    Args:
        path: of a file or a folder; ``":memory:"`` for one that lasts as long as the object.
        lake: whether what is not there yet becomes a lake; what ends in a slash or is a folder is one anyway.
        **options: of the store.
    """
    from traceql.store.lake.place import is_one

    of: type[Store] = Store
    if lake or is_one(path):
        # Most databases are files.
        from traceql.store.lake.store import Lake

        of = Lake
    return of(path, **options)
