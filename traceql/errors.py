"""What can go wrong, as a tree.

::

    TraceqlError
    ├── ReportError            a report cannot be read
    │   ├── UnknownFormatError     no reader knows the file
    │   ├── TruncatedReportError   the file ends before its content does
    │   ├── UnsupportedReportError recognised, but not readable here (version, platform)
    │   ├── LimitError             reading it takes more memory, time or space than is allowed
    │   └── RunFileError           a table of measured runs that cannot be understood
    ├── DatabaseError          the DuckDB file cannot be used
    │   └── SchemaVersionError     written by an incompatible traceql
    ├── QueryError             a question cannot be answered
    │   ├── UnknownQueryError      no query of that name
    │   ├── ParameterError         no such parameter, or a value that it cannot take
    │   └── MissingDataError       no trace holds what the query reads
    ├── TimeLimitError         a question took longer than it may
    ├── CatalogError           a folder of questions cannot be used
    ├── PredictionError        a prediction lacks what it needs
    │   └── UnknownGpuError        no data about a GPU of that name
    ├── CollectError           nothing can be recorded
    ├── ClusterError           no workers can be had
    └── CheckError             a file of checks cannot be used

Every message says what was wrong, and `remedy` what to do about it.
"""

from __future__ import annotations


class TraceqlError(Exception):
    """Base of every error that traceql raises on purpose.

    Attributes:
        message: what was wrong, in one sentence.
        remedy: what the user can do about it; empty when there is nothing to do.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """The message, and the remedy on a line of its own."""
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ReportError(TraceqlError):
    """A report cannot be read."""


class UnknownFormatError(ReportError):
    """No reader knows the file."""


class TruncatedReportError(ReportError):
    """The file ends before its content does."""


class UnsupportedReportError(ReportError):
    """The format is known, but this file cannot be read here."""


class LimitError(ReportError):
    """Reading it takes more memory, time or space than is allowed."""


class RunFileError(ReportError):
    """A table of runs measured outside the profilers cannot be understood."""


class DatabaseError(TraceqlError):
    """The DuckDB file cannot be used."""


class SchemaVersionError(DatabaseError):
    """The database was written by an incompatible version of traceql."""


class QueryError(TraceqlError):
    """A question cannot be answered."""


class UnknownQueryError(QueryError):
    """There is no query of that name."""


class ParameterError(QueryError):
    """A parameter that there is not, or a value that it cannot take, whatever the database holds."""


class MissingDataError(QueryError):
    """No trace in the database holds what the query reads."""


class TimeLimitError(TraceqlError):
    """A question took longer than it may."""


class CatalogError(TraceqlError):
    """A folder of questions cannot be used."""


class PredictionError(TraceqlError):
    """A prediction lacks what it needs."""


class UnknownGpuError(PredictionError):
    """There is no data about a GPU of that name."""


class CollectError(TraceqlError):
    """Nothing can be recorded: a tool, a variable or a place to write is missing, or the command failed."""


class ClusterError(TraceqlError):
    """There are no workers for what others shall do, or they cannot do it."""


class CheckError(TraceqlError):
    """A file of checks cannot be used."""
