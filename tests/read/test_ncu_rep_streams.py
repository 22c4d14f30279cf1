"""Names of streams, given with NVTX, are what ncu's own page prints behind their numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ncu_rep_file as rep
import pytest
from shipped import EXPECTED, REPORTS

import traceql
from traceql.read import ncu_rep
from traceql.read.base import no_progress
from traceql.read.ncu_rep.container import walk
from traceql.read.ncu_rep.results import untold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# As `ncu --page details` prints a launch; without a name there are no brackets.
LAUNCH = re.compile(r".*, Context (\d+), Stream (\d+)(?: \((.+)\))?, Device (\d+), .*")
FIXTURE = "named_streams.ncu-rep.xz"


def printed() -> list[tuple[int, int, str | None, int]]:
    """Context, stream, its name and device of each launch."""
    page = (EXPECTED / "ncu_streams" / "named_streams.txt").read_text("utf-8")
    found = [LAUNCH.fullmatch(line) for line in page.splitlines()]
    return [(int(one[1]), int(one[2]), one[3], int(one[4])) for one in found if one]


def test_streams_have_the_names_that_ncu_prints() -> None:
    launches = printed()
    assert [name for _, _, name, _ in launches] == ["copies of weights", "decode", None]
    with traceql.open(":memory:") as database:
        database.ingest(REPORTS / FIXTURE)
        rows = database.sql(
            """
            SELECT context_id, stream_id, stream, device_id
            FROM kernels LEFT JOIN streams USING (process_id, context_id, stream_id, device_id)
            ORDER BY kernel_id
            """
        ).rows()
        assert rows == launches
        # What has no name is told nowhere.
        assert database.sql("SELECT count(*) FROM streams").item() == 2


def test_the_reader_through_the_library_has_them_too(unpacked: Callable[[str], Path]) -> None:
    # NVIDIA's library tells nothing of them.
    path = unpacked(FIXTURE)
    table = ncu_rep.read(path, wanted=None, progress=no_progress).tables["ncu_streams"]
    assert table.to_pydict() == {
        "action": [0, 1],
        "context": [None, None],
        "stream": ["copies of weights", "decode"],
    }
    assert untold(path, walk(path))["ncu_streams"] == table.to_pydict()


def test_the_last_name_of_a_launch_counts_and_an_empty_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.ncu-rep"
    launches = [rep.kernel((27, "a"), (27, "b")), rep.kernel((27, "")), rep.kernel((27, b"\xff"))]
    path.write_bytes(rep.report(rep.block(launches)))
    table = ncu_rep.read(path, wanted=None, progress=no_progress).tables["ncu_streams"]
    assert table.to_pydict() == {
        "action": [0, 2],
        "context": [None, None],
        "stream": ["b", "\ufffd"],
    }


@pytest.mark.parametrize(
    ("kind", "fields", "context", "stream"),
    [(rep.RANGE, {13: "main"}, "main", None), (rep.GRAPH, {14: "main", 15: "decode"}, "main", "decode")],
)
def test_what_was_profiled_as_a_whole_has_names_of_its_own(
    tmp_path: Path, kind: int, fields: dict[int, str], context: str, stream: str | None
) -> None:
    path = tmp_path / "a.ncu-rep"
    path.write_bytes(rep.report(rep.block([rep.workload(*fields.items())], kind)))
    table = ncu_rep.read(path, wanted=None, progress=no_progress).tables["ncu_streams"]
    assert table.to_pydict() == {"action": [0], "context": [context], "stream": [stream]}


def test_contexts_and_streams_of_kernels_and_graphs_have_the_names_that_ncu_prints() -> None:
    with traceql.open(":memory:") as database:
        database.ingest(REPORTS / "named_contexts.ncu-rep.xz")
        rows = database.sql(
            """
            SELECT coalesce(demangled, name), context_id, context, stream_id, stream
            FROM kernels JOIN streams USING (process_id, context_id, stream_id) ORDER BY kernel_id
            """
        ).rows()
    # Name, context and stream, as `ncu --page raw --csv` prints them.
    page = (EXPECTED / "ncu_streams" / "named_contexts.txt").read_text("utf-8")
    printed = re.findall(r'^"(.+)","(\d+) \((.+)\)","(\d+) \((.+)\)"$', page, re.MULTILINE)
    assert len(printed) == 2
    assert rows == [
        (name, int(context), its_name, int(stream), called)
        for name, context, its_name, stream, called in printed
    ]
