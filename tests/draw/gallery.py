"""The gallery of docs: a picture of each kind of chart, and the command that draws it.

``python tests/draw/gallery.py`` writes docs/gallery.md and docs/gallery/*.png again; a test compares them with what is
drawn today, pixel by pixel. The pictures are drawn in a font that vl-convert brings, so that every machine draws the
same ones.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import kept
import pixels
from shipped import REPORTS, TABLES

import traceql
from traceql.draw import charts, render
from traceql.questions import catalog
from traceql.read import runs
from traceql.store import ingest
from traceql.store.decode import decode_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from traceql import Database

DOCS = Path(__file__).parent.parent.parent / "docs"
FOLDER = DOCS / "gallery"
PAGE = DOCS / "gallery.md"
#: A font of vl-convert's own.
FONT = "Liberation Sans"
#: Name of a trace → the shipped report that it is.
TRACES = {
    "eager": "llama_eager.nsys-rep.xz",
    "graph": "llama_graph.nsys-rep.xz",
    "rank0": "nccl_rank0.nsys-rep.xz",
    "rank1": "nccl_rank1.nsys-rep.xz",
    "before": "scv_baseline_off.nsys-rep.xz",
    "after": "scv_baseline_graph.nsys-rep.xz",
    "before_ncu": "scv_baseline_off.ncu-rep.xz",
    "after_ncu": "scv_nwor_off.ncu-rep.xz",
    "after_graph_ncu": "scv_nwor_graph.ncu-rep.xz",
    "llama_ncu": "llama_roofline.ncu-rep.xz",
    "kinds": "kinds_full.ncu-rep.xz",
    "samples": "kinds_pm.ncu-rep.xz",
    "source": "kinds_source.ncu-rep.xz",
    "sampled": "sampled_loop.nsys-rep.xz",
}
TABLE = "decode_sweep.csv"
#: The share of pixels that may differ: what another version of the rasteriser smooths otherwise.
MOST_APART = 0.0005


@dataclass(frozen=True)
class Picture:
    """A chart, the parameters that it is asked with, and what to see in it."""

    chart: str
    seen: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its kind of chart."""
        return charts.queries_of(catalog.shipped(), self.chart)[0].pictures[0].kind

    @property
    def command(self) -> str:
        """The command that draws it."""
        words = ["traceql", "chart", self.chart.replace("_", "-")]
        for name, value in self.params.items():
            if isinstance(value, dict):
                values = [f"{key}={one}" for key, one in value.items()]
            else:
                values = [str(one) for one in (value if isinstance(value, list) else [value])]
            words += [word for one in values for word in (f"--{name.replace('_', '-')}", one)]
        return shlex.join([*words, "-o", f"{self.chart}.png"])


PICTURES = (
    Picture(
        "cpu_flame_graph",
        "What a thread of a training loop ran, as Python's own samples tell it: a caller lies above what it calls, as wide "
        "as its samples are many.",
        {"trace": "sampled", "samples": "python", "thread": "837", "min_pct": 1},
    ),
    Picture(
        "kernel_durations",
        "The largest product with the weights takes 5 % longer from the middle of the prefill on: the GPU has "
        "lowered its clock. A line is the median of a slice of time, its box reaches from the shortest to the longest.",
        {"trace": "eager", "limit": 3},
    ),
    Picture(
        "range_percentiles",
        "A tenth of the decoding steps takes a third longer than the median one, and of the layers some are those "
        "of the prefill.",
        {"trace": "eager"},
    ),
    Picture(
        "range_instances",
        "The slowest step of decoding launches the same kernels as the median one, for the same time: what it has "
        "more is idle time.",
        {"trace": "eager", "range": "execute_context_0*", "limit": 8},
    ),
    Picture(
        "cuda_gpu_kern_hist",
        "Those kernels that take the time, not those that run most often.",
        {"trace": "eager", "bins": 30},
    ),
    Picture("kernel_categories", "A category has its colour in every chart.", {"trace": "eager"}),
    Picture("gpu_gaps", "When the GPU waited, and how long.", {"trace": "eager"}),
    Picture("cuda_gpu_time_util_map", "From the first kernel to the last.", {"trace": "eager"}),
    Picture("step_summary", "A prefill and fifteen steps of decoding.", {"trace": "eager"}),
    Picture("job_summary", "What each rank of a job does.", {"trace": ["rank0", "rank1"]}),
    Picture("job_timeline", "The same over time.", {"trace": ["rank0", "rank1"]}),
    Picture("rank_steps", "And step by step.", {"trace": ["rank0", "rank1"]}),
    Picture("diff", "The same work without and with CUDA graphs.", {"baseline": "eager", "variant": "graph"}),
    Picture(
        "scv_delta",
        "What a change costs, in percent of what it was before.",
        {"baseline": "before", "variant": "after"},
    ),
    Picture(
        "nwor_scv_matrix",
        "Counters of the modes of an experiment.",
        {
            "mode": {"off/off": "before_ncu", "stage/off": "after_ncu", "stage/graph": "after_graph_ncu"},
        },
    ),
    Picture(
        "moved_with",
        "Which counters moved with the time of a kernel, and make up how much of it.",
        {"baseline": "before_ncu", "variant": "after_ncu"},
    ),
    Picture(
        "kernel_roofline",
        "The points that take the most time are named; roofs that no kernel comes near are faint.",
        {"trace": "llama_ncu"},
    ),
    Picture("speed_of_light", "How close kernels come to the peaks.", {"trace": "kinds"}),
    Picture("memory_chart", "Which way the data of a kernel takes.", {"trace": "kinds"}),
    Picture("occupancy_curves", "What limits the warps of a kernel.", {"trace": "kinds"}),
    Picture("source_hotspots", "Lines of the source, by what warps wait for there.", {"trace": "source", "limit": 6}),
    Picture("pm_sampling", "Counters while a kernel runs.", {"trace": "samples"}),
    Picture(
        "metric_pairs",
        "One counter over another, a point for each kernel.",
        {"trace": "kinds", "x": "dram__bytes_read.sum", "y": "gpu__time_duration.sum"},
    ),
    Picture("memory_hierarchy", "What is written and what was reached.", {"gpu": "H200*"}),
    Picture("decode_sweep", "Where more sequences begin to cost time."),
)  # fmt: skip


def fill(database: Database, reports: Sequence[Path]) -> None:
    """Store what the pictures are of."""
    *traces, table = reports
    for (_, made), name in zip(decode_all(traces), TRACES, strict=True):
        if isinstance(made, Exception):
            raise made
        ingest.add(database._store, made, name=name)
        made.close()
    database.import_runs(runs.read(table))


def opened(folder: Path) -> Database:
    """A database of what the pictures are of."""
    reports = [REPORTS / report for report in TRACES.values()]
    return traceql.open(kept.database("gallery", fill, [*reports, TABLES / TABLE], folder))


def drawn(database: Database, picture: Picture) -> np.ndarray:
    """A picture as it is drawn today."""
    return as_pixels(database.chart(picture.chart, **picture.params))


def as_pixels(chart: Any) -> np.ndarray:
    """A chart as rows of pixels, in the font of the gallery."""
    return specified_as_pixels(render.specification(chart))


def specified_as_pixels(specified: dict[str, Any]) -> np.ndarray:
    """A chart's specification as rows of pixels, in the font of the gallery."""
    in_font = {**specified, "config": {**specified["config"], "font": FONT}}
    return pixels.decoded(render.specified_png(in_font, scale=1.0))


def page() -> str:
    """What docs/gallery.md says."""
    parts = [
        "# Charts\n\nOne of each kind, and the command that draws it. All of them: `traceql chart --list`; what each "
        "shows can be\nasked for with the options of its question, `traceql chart NAME --help`. The pictures are of reports "
        "that come with the\nrepository (`tests/fixtures/reports`), ingested by names such as `eager`, and remade by "
        "`python tests/draw/gallery.py`.\n"
    ]
    for picture in PICTURES:
        title = charts.queries_of(catalog.shipped(), picture.chart)[0].title
        parts.append(
            f"## {picture.kind}\n\n{picture.seen}\n\n```console\n$ {picture.command}\n```\n\n"
            f"![{title}](gallery/{picture.chart}.png)\n"
        )
    return "\n".join(parts)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as database:
        for picture in PICTURES:
            png = pixels.encoded(drawn(database, picture))
            (FOLDER / f"{picture.chart}.png").write_bytes(png)
            print(f"{picture.chart}: {picture.kind}, {len(png):,} bytes")
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
