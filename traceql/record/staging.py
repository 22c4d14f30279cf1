"""Reports are recorded into a folder of their own beside their place, and get their names when whole.

So nothing of another name is touched, whatever a profiler does with the one that it is given, nothing that
lay there is taken for what was recorded, and half a report is none. A folder ``.NAME.recording-…`` that is
left holds what a recording wrote that was killed.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.errors import CollectError
from traceql.read import sidecar
from traceql.record.tools import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.record.tools import Tool

#: What reports are called; nsys called its own ``.qdrep`` until 2021.3.
ALL_SUFFIXES: dict[Tool, tuple[str, ...]] = {"nsys": (SUFFIXES["nsys"], ".qdrep"), "ncu": (SUFFIXES["ncu"],)}
# What nsys leaves when it cannot make a report of it.
_UNFINISHED = ".qdstrm"
#: What makes one of it.
HOW_TO_IMPORT = (
    "It holds what nsys recorded; its importer, which makes a report of it, is missing or failed (see "
    "traceql doctor). Where all of Nsight Systems of the same version is installed: "
    "host-linux-x64/QdstrmImporter -i FILE, then traceql ingest."
)


class TakenError(CollectError):
    """There is something of a report's name."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder beside a report's place, for the time of its recording; gives the report's path in it.

    It goes with what is left in it, unless something was recorded and could not be published.

    Raises:
        CollectError: nothing can be written there.
    """
    if not target.parent.is_dir():
        raise CollectError(f"{target.parent}: no such folder", "Make it first, or choose another --output.")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.recording-", dir=target.parent))
    except OSError as error:
        raise CollectError(
            f"{target}: cannot be written ({error.strerror})", "Choose another --output."
        ) from error
    try:
        yield folder / target.name
    finally:
        if not any(_is_kept(path) for path in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)


def for_tool(output: Path) -> str:
    """A path as a profiler is told it: percent signs would begin placeholders."""
    return os.fspath(output).replace("%", "%%")


def reports(output: Path, tool: Tool) -> dict[int, Path]:
    """The reports that a command left, by the number of their window.

    With ``repeat`` nsys numbers them: ``run.1.nsys-rep``, ``run.2.nsys-rep`` …; a single one is the first.
    """
    found = {}
    for path in output.parent.iterdir():
        if _is_report(path, tool) and path.name.startswith(output.name):
            rest = path.name.removeprefix(output.name).rpartition(".")[0]
            if number := re.fullmatch(r"(?:\.?(\d+))?", rest):
                found[int(number[1] or 1)] = path
    return dict(sorted(found.items()))


def unfinished(output: Path, target: Path) -> list[Path]:
    """What nsys wrote and could not make reports of, brought beside the reports' place."""
    found = []
    for left in sorted(output.parent.glob(f"*{_UNFINISHED}")):
        place = target.with_name(target.name + left.name.removeprefix(output.name))
        if not os.path.lexists(place):
            found.append(left.replace(place))
    return found


def expected(target: Path, tool: Tool, repeat: int) -> list[Path]:
    """The reports that a recording may leave under a name."""
    numbers = [""] if repeat == 1 else [f".{number}" for number in range(1, repeat + 1)]
    return [target.with_name(target.name + n + ending) for ending in ALL_SUFFIXES[tool] for n in numbers]


def is_free(report: Path) -> bool:
    """Whether neither a report nor a sidecar of that name is there."""
    return not any(os.path.lexists(path) for path in (report, sidecar.path_of(report)))


def remove(report: Path) -> None:
    """Remove a report and its sidecar, which would otherwise speak of the next one."""
    for path in (sidecar.path_of(report), report):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CollectError(f"{path}: cannot be replaced ({error.strerror})", "Remove it.") from error


def publish(report: Path, target: Path, *, overwrite: bool = False) -> None:
    """Give a report, and the sidecar that lies beside it, their names.

    Args:
        report: as it was recorded.
        target: its name.
        overwrite: replace what is there.

    Raises:
        TakenError: there is something of that name; the report stays where it is.
        CollectError: it cannot be written; it stays, too.
    """
    try:
        if overwrite:
            remove(target)
        elif os.path.lexists(sidecar.path_of(target)):
            raise FileExistsError
        _move(report, target)
        beside = sidecar.path_of(report)
        if beside.exists():
            beside.replace(sidecar.path_of(target))
    except FileExistsError:
        raise TakenError(
            f"{target}: came to be there meanwhile", f"What was recorded stays in {report}."
        ) from None
    except OSError as error:
        raise CollectError(
            f"{target}: cannot be written ({error.strerror})", f"What was recorded stays in {report}."
        ) from error


def _move(source: Path, target: Path) -> None:
    """Rename a file, to a name that nothing has."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links.
        if os.path.lexists(target):
            raise FileExistsError from None
        source.replace(target)
    else:
        source.unlink()


def _is_report(path: Path, tool: Tool) -> bool:
    return path.name.endswith(ALL_SUFFIXES[tool])


def _is_kept(path: Path) -> bool:
    """Whether something was recorded into it."""
    return path.name.endswith(_UNFINISHED) or any(_is_report(path, tool) for tool in SUFFIXES)
