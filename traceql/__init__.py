"""Ask SQL questions of NVIDIA Nsight Systems and Nsight Compute reports.

>>> import traceql
>>> with traceql.open(":memory:") as db:
...     db.sql("SELECT count(*) AS traces FROM traces").item()
0

Public are `open`, `Database`, `Answer`, `redact`, and the error tree, which begins at `TraceqlError`.
"""

from __future__ import annotations

# As type checkers know it. Nothing is imported here, as a command that is interrupted meanwhile would not be
# quiet yet; the database engine comes with the first use of a name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from traceql.ask.answer import Answer as Answer
    from traceql.database import Database as Database
    from traceql.database import open as open  # noqa: A004
    from traceql.database import redact as redact
    from traceql.errors import CatalogError as CatalogError
    from traceql.errors import CheckError as CheckError
    from traceql.errors import ClusterError as ClusterError
    from traceql.errors import CollectError as CollectError
    from traceql.errors import DatabaseError as DatabaseError
    from traceql.errors import LimitError as LimitError
    from traceql.errors import MissingDataError as MissingDataError
    from traceql.errors import ParameterError as ParameterError
    from traceql.errors import PredictionError as PredictionError
    from traceql.errors import QueryError as QueryError
    from traceql.errors import ReportError as ReportError
    from traceql.errors import RunFileError as RunFileError
    from traceql.errors import SchemaVersionError as SchemaVersionError
    from traceql.errors import TimeLimitError as TimeLimitError
    from traceql.errors import TraceqlError as TraceqlError
    from traceql.errors import TruncatedReportError as TruncatedReportError
    from traceql.errors import UnknownFormatError as UnknownFormatError
    from traceql.errors import UnknownGpuError as UnknownGpuError
    from traceql.errors import UnknownQueryError as UnknownQueryError
    from traceql.errors import UnsupportedReportError as UnsupportedReportError

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "CatalogError",
    "CheckError",
    "ClusterError",
    "CollectError",
    "Database",
    "DatabaseError",
    "LimitError",
    "MissingDataError",
    "ParameterError",
    "PredictionError",
    "QueryError",
    "ReportError",
    "RunFileError",
    "SchemaVersionError",
    "TimeLimitError",
    "TraceqlError",
    "TruncatedReportError",
    "UnknownFormatError",
    "UnknownGpuError",
    "UnknownQueryError",
    "UnsupportedReportError",
    "__version__",
    "open",
    "redact",
]

_HOMES = {
    "Answer": "traceql.ask.answer",
    "Database": "traceql.database",
    "open": "traceql.database",
    "redact": "traceql.database",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("traceql.errors")
    if name not in __all__:
        raise AttributeError(f"module 'traceql' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "traceql.errors")), name)


def __dir__() -> list[str]:
    return __all__
