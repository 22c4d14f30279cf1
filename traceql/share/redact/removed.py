"""What was removed, by kind and without its values; and the error for what nobody here knows."""

from __future__ import annotations

from collections import Counter
from typing import Final

from traceql.errors import UnsupportedReportError

ENVIRONMENT: Final = "environment"
COMMAND_LINE: Final = "command line"
USER: Final = "user"
HOST: Final = "host"
PATH: Final = "path"
ADDRESS: Final = "address"
IDENTIFIER: Final = "identifier"
PASSWORD: Final = "password"  # noqa: S105 - the kind, no password
FOREIGN: Final = "foreign process"
OUTPUT: Final = "captured output"
CODE: Final = "code"
UNUSED: Final = "unused text"
DROPPED: Final = "dropped"
KERNEL: Final = "kernel name"
RANGE: Final = "range text"
FUNCTION: Final = "function name"

#: Kind → what it is, in the order in which a report of it stands.
KINDS: Final = {
    ENVIRONMENT: "environment variables",
    COMMAND_LINE: "command lines, programs and their arguments; the name of the profiled program stays",
    USER: "names of users, and of their accounts",
    HOST: "names of machines",
    PATH: "paths of files and folders; those of the system and of NVIDIA's own stay",
    ADDRESS: "IP and MAC addresses",
    IDENTIFIER: "serial numbers and UUIDs of GPUs, machines and sessions",
    PASSWORD: "contents of variables called TOKEN, KEY, PASSWORD … that stand in other texts",
    FOREIGN: "names of processes that were not profiled, of their threads and functions",
    OUTPUT: "what the program printed",
    CODE: "source files, PTX, machine code with its source lines",
    UNUSED: "texts that nothing refers to",
    DROPPED: "tables and options of an export that are not nsys's, left out by --drop",
    KERNEL: "names of kernels, replaced by pseudonyms",
    RANGE: "texts of NVTX ranges and marks, replaced by pseudonyms",
    FUNCTION: "names of functions in call stacks, replaced by pseudonyms",
}


class Removed(Counter[str]):
    """Kind → how many places something was removed from."""

    def add(self, kind: str, count: int = 1) -> None:
        """Count something that goes."""
        if kind not in KINDS:
            raise KeyError(kind)
        if count:
            self[kind] += count

    def rows(self) -> list[tuple[str, int, str]]:
        """(kind, places, what it is) of what there was."""
        return [(kind, self[kind], what) for kind, what in KINDS.items() if self[kind]]


def unknown(file: str, what: str, where: str, remedy: str = "") -> UnsupportedReportError:
    """The error for what is not known: it may be private, so the file is not written.

    Args:
        file: name of the file.
        what: is not known, without its content.
        where: it stands.
        remedy: what helps, beside a database.
    """
    return UnsupportedReportError(
        f"{file}: cannot be redacted: {what} ({where}) is not known to traceql, and may be private",
        f"It was not written. {remedy}A database that was made of it may be shared: traceql redact DATABASE.",
    )
