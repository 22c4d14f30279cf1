"""What Perfetto's own SQL says of a file equals what was written into it."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

import browsers
import perfetto_processor
import pytest
from made.nsys import Recording, kernel
from perfetto_file import parse
from perfetto_processor import Processor

from traceql.share import perfetto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from traceql import Database

pytestmark = pytest.mark.long

TRACES = [
    ["llama_graph"],
    ["llama_eager"],
    ["nccl_rank0", "nccl_rank1"],
    ["gpu_metrics"],
    ["memory_and_ranges"],
    ["graph_whole"],
    ["memory_pools"],
]
# Tracks of one name lie in different places: those of a process by it, all others by their own parents.
SUMS = """
SELECT track.name, slice.category, count(*), sum(slice.dur)
FROM slice JOIN track ON track.id = slice.track_id GROUP BY track.name, slice.category
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if perfetto_processor.PLACE is None:
        pytest.skip(perfetto_processor.MISSING)
    with browsers.chromium() as started:
        yield started


def content(db: Database, *traces: str) -> bytes:
    file = io.BytesIO()
    perfetto.write(db._asker, traces, file)
    return file.getvalue()


@pytest.mark.parametrize("traces", TRACES, ids="+".join)
def test_perfetto_counts_and_adds_up_what_was_written(
    corpus: Database, browser: Browser, traces: list[str]
) -> None:
    file = content(corpus, *(f"{name}.sqlite.xz" for name in traces))
    parsed = parse(file)
    counts: Counter[tuple[str, str]] = Counter()
    times: Counter[tuple[str, str]] = Counter()
    for one in (*parsed.slices, *parsed.instants):
        key = one.path[-1], one.category
        counts[key] += 1
        times[key] += one.end_ns - one.start_ns
    with Processor(browser, file) as processor:
        found = {(name, category): (count, total) for name, category, count, total in processor.query(SUMS)}
        assert found == {key: (counts[key], times[key]) for key in counts}
        assert processor.query("SELECT count(*) FROM flow") == [(len(parsed.flows()),)]
        by_counter = processor.query(
            "SELECT track.name, count(*), sum(value) FROM counter JOIN track ON track.id = track_id GROUP BY 1"
        )
        values: dict[str, list[float]] = {}
        for path, some in parsed.values.items():
            values.setdefault(path[-1], []).extend(value for _, value in some)
        assert {name: (count, total) for name, count, total in by_counter} == {
            name: (len(some), pytest.approx(sum(some))) for name, some in values.items()
        }
        began = min(one.start_ns for one in (*parsed.slices, *parsed.instants))
        assert processor.query("SELECT min(ts) FROM slice") == [(began,)]
        # Perfetto itself complains about nothing: no end without a begin, no arrow without one.
        assert (
            processor.query(
                "SELECT name, value FROM stats WHERE value > 0 AND severity IN ('error', 'data_loss')"
            )
            == []
        )


def test_perfetto_knows_processes_threads_arguments_and_what_arrows_join(browser: Browser) -> None:
    made = (
        Recording()
        .process(1, "python")
        .thread(1, "main")
        .range("step", 0, 50)
        .call("cudaLaunchKernel", 5, 10, kernel("add", 20, 50, grid=(2, 3, 4)))
        .database("made")
    )
    with Processor(browser, content(made, "made")) as processor:
        assert processor.query("SELECT name, pid FROM process WHERE name IS NOT NULL") == [("python", 1)]
        assert processor.query("SELECT name, tid FROM thread WHERE upid > 0") == [("main", 1)]
        assert processor.query(
            "SELECT a.name, b.name FROM flow JOIN slice a ON a.id = slice_out JOIN slice b ON b.id = slice_in"
        ) == [("cudaLaunchKernel", "add")]
        arguments = dict(processor.query(
            "SELECT key, int_value FROM args JOIN slice USING (arg_set_id) WHERE name = 'add' AND key LIKE 'debug.%' AND int_value IS NOT NULL"
        ))  # fmt: skip
        assert {name.removeprefix("debug."): value for name, value in arguments.items()} == {
            "grid_x": 2, "grid_y": 3, "grid_z": 4, "block_x": 32, "block_y": 1, "block_z": 1, "registers_per_thread": 16,
            "static_shared_bytes": 0, "dynamic_shared_bytes": 0, "correlation": 1,
        }  # fmt: skip
