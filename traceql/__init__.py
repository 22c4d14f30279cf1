"""Ask SQL questions of NVIDIA Nsight Systems and Nsight Compute reports.

>>> import traceql
>>> traceql.open  # doctest: +ELLIPSIS
<function open at ...>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from traceql.database import Database as Database
    from traceql.database import open as open  # noqa: A004

_DATABASE_NAMES = ("Database", "open")

__all__ = ["Database", "__version__", "open"]


def __getattr__(name: str) -> Any:
    # `import traceql` loads nothing else: the database engine comes with the first use of a name.
    if name in _DATABASE_NAMES:
        from traceql import database

        return getattr(database, name)
    raise AttributeError(f"module 'traceql' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
