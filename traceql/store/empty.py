"""The empty database, kept in the user's cache folder: each new one is a copy of it.

To make one takes a fifth of a second, mostly for the comments that explain it to other clients.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from traceql import __version__
from traceql.read import kept
from traceql.store.engine import duckdb
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.store.definitions import Definitions

_KIND, _SUFFIX = "empty", ".duckdb"


def copy(place: str, definitions: Definitions) -> bool:
    """Put a copy of the kept database at `place`, if there is one that is made of the same."""
    content = kept.find(_KIND, _made_of(definitions), _SUFFIX)
    with contextlib.suppress(OSError):
        if content is not None:
            with _gone_on_error(place):
                Path(place).write_bytes(content)
            return True
    return False


def keep(made: str, definitions: Definitions) -> None:
    """Keep a copy of the empty database that has just been made, in place of earlier ones."""
    with contextlib.suppress(OSError):
        kept.keep(_KIND, _made_of(definitions), _SUFFIX, Path(made).read_bytes())


@contextlib.contextmanager
def _gone_on_error(place: str) -> Iterator[None]:
    """Leave no half of a file: the disk may be full."""
    try:
        yield
    except OSError:
        Path(place).unlink(missing_ok=True)
        raise


def _made_of(definitions: Definitions) -> str:
    """Changes with everything that an empty database is made of."""
    versions = (duckdb.__version__, __version__, str(schema.SCHEMA_VERSION))
    return repr([*versions, definitions.fingerprint, *schema.create_statements()])
