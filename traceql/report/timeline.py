"""The timeline of a trace, packed for the page's script: events of lanes, and shares of those with too many.

What ``timeline_events`` and ``timeline_shares`` answer becomes one text: base64 of zlib of the length of a
JSON head (four bytes, little-endian), the head, and its columns of numbers. Each of these is written as
planes of bytes, the lowest of all numbers first, with 2n for a number n from 0 on and -2n - 1 for one below:
neighbours are alike, and high planes empty.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shlex
import struct
import zlib
from typing import TYPE_CHECKING, Any

from traceql.errors import MissingDataError
from traceql.present import values
from traceql.report import declared
from traceql.report.figures import command, statement
from traceql.report.page import Figure, Note, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from traceql.ask.answer import Answer, Asker
    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.report.declared import Given
    from traceql.report.drawing import Begun, Drawer
    from traceql.report.page import Trouble

#: Before the other pictures over time.
ORDER = 20
TITLE = "Timeline"
QUESTIONS = _EVENTS, _SHARES = "timeline_events", "timeline_shares"
# What many events have in common is written once.
_WHAT = (
    "name",
    "full_name",
    "category",
    "function",
    "grid",
    "block",
    "registers_per_thread",
    "shared_bytes",
)
_PLACE = ("range", "path")
_LANE = ("lane_number", "process", "lane", "layer")
_DEPTH = re.compile(r" depth \d+$")


def of_trace(
    ask: Asker, drawer: Drawer, trace: str, given: Given, anchor: str, troubles: Sequence[Trouble] = ()
) -> Begun[list[Section | Note]]:
    """The section with the timeline of a trace; or why there is none."""
    query = ask.catalog.find(_EVENTS)
    asked, asked_of_shares = asked_of(ask.catalog, trace, given)
    try:
        answer = ask(_EVENTS, **asked)
    except MissingDataError as error:
        missing = Note(f"{query.title} {error.message}. {error.remedy}", "missing")
        return lambda: [missing]
    shares = ask(_SHARES, **asked_of_shares)
    if not len(answer) and not len(shares):
        nothing = Note(f"{query.title} {' '.join(note.text for note in answer.notes) or 'No rows.'}")
        return lambda: [nothing]
    begun = drawer.begin(packed, answer, shares, trace, troubles)

    def drawn() -> list[Section | Note]:
        made = Figure(
            anchor=f"{anchor}-timeline",
            title=query.title,
            timeline=begun(),
            command=command(query, {**asked, "trace": trace}),
            sql=statement(query, asked),
            notes=tuple(Note(note.text) for note in answer.notes),
        )
        return [Section(f"{anchor}-about-timeline", TITLE, level=3, figures=(made,))]

    return drawn


def ask_first(ask: Asker, trace: str, given: Given) -> None:
    """Ask both questions about a trace before they are wanted: to pack their answers takes long, too."""
    for question, params in zip(QUESTIONS, asked_of(ask.catalog, trace, given), strict=True):
        with contextlib.suppress(MissingDataError):
            ask(question, **params)


def asked_of(catalog: Catalog, trace: str, given: Given) -> tuple[dict[str, Value], dict[str, Value]]:
    """What both questions are asked with about a trace."""
    query = catalog.find(_EVENTS)
    events: dict[str, Value] = {"trace": [trace], **declared.own(query, given)}
    bound = query.bind(events)
    # The same events are told of one by one in both.
    same = {"max_events": bound["max_events"], "names": bound["names"]}
    return events, {**events, **declared.own(catalog.find(_SHARES), given), **same}


def packed(events: Answer, shares: Answer, trace: str, troubles: Sequence[Trouble] = ()) -> str:
    """Answers to both questions about one trace, and what is wrong with it as marks, packed."""
    import polars as pl

    whole, summed = events.frame(), shares.frame()
    unknown = {name: pl.lit(None).cast(whole.schema[name]) for name in ("path", *_WHAT[3:])}
    summed = summed.with_columns(full_name="name", **unknown)
    whats, what_of = _numbered([whole, summed], _WHAT)
    places, place_of = _numbered([whole, summed], _PLACE)
    starts = pl.concat([whole["start_ns"], summed["start_ns"]])
    ends = pl.concat([whole["end_ns"], summed["start_ns"] + summed["duration_ns"]])
    first, last = starts.min(), ends.max()
    width = summed["duration_ns"].max()
    texts = _Texts()
    columns = [
        _deltas(whole["start_ns"], first),
        whole["duration_ns"],
        what_of[0],
        place_of[0],
        whole["queue_ns"].fill_null(0),
        whole["bytes"].fill_null(0),
        _deltas(summed["start_ns"], first) // (width or 1),
        summed["busy_ns"],
        summed["events"],
        what_of[1],
        place_of[1],
    ]
    planes = [_planes(column) for column in columns]
    head = {
        "trace": values.drawn(trace),
        "first": first,
        "last": last,
        "width": width,
        "events": whole.height,
        "stretches": summed.height,
        "lanes": _lanes(whole, summed),
        # Of what began after a launch of which nobody knows when it returned, the column says 0.
        "unreturned": (whole["function"].is_not_null() & whole["queue_ns"].is_null()).arg_true().to_list(),
        "whats": [
            [texts.of(value, whole=name == "full_name") for name, value in zip(_WHAT, row, strict=True)]
            for row in whats
        ],
        "places": [[texts.of(value) for value in row] for row in places],
        "texts": texts.all,
        "hues": _hues([whole, summed]),
        "marks": [
            {"name": one.sentence, "anchor": one.anchor, "start": one.start_ns, "end": one.end_ns}
            for one in troubles
            if one.start_ns is not None and one.end_ns is not None
        ],
        "ask": shlex.join(["traceql", "query", _EVENTS.replace("_", "-"), "--trace", trace]),
        "view": shlex.join(["traceql", "view", trace]),
        "planes": [len(one) for one in planes],
    }
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    raw = b"".join([struct.pack("<I", len(text)), text, *(plane for one in planes for plane in one)])
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _hues(frames: Sequence[pl.DataFrame]) -> dict[str, int]:
    """The colour of each kind of work on GPUs, as its place in the palette: the one that it has in charts."""
    import polars as pl

    from traceql.draw import theme

    kinds = pl.concat([frame.filter(pl.col("layer") == "gpu")["category"] for frame in frames])
    known, colors = theme.hues(kinds)
    return {
        values.drawn(kind): theme.LIGHT.series.index(color) for kind, color in zip(known, colors, strict=True)
    }


class _Texts:
    """Texts as they can be drawn, each once."""

    def __init__(self) -> None:
        self.all: list[str | int | None] = []
        self._numbers: dict[str | int | None, int] = {}

    def of(self, value: str | int | None, *, whole: bool = False) -> int:
        """The number of a text; a `whole` one is cut later."""
        if isinstance(value, str):
            value = values.readable(value) if whole else values.drawn(value)
        if value not in self._numbers:
            self._numbers[value] = len(self.all)
            self.all.append(value)
        return self._numbers[value]


def _numbered(
    frames: Sequence[pl.DataFrame], columns: Sequence[str]
) -> tuple[list[tuple[Any, ...]], list[pl.Series]]:
    """The different values of some columns, and for each frame which of them its rows have."""
    import polars as pl

    known = pl.concat([frame.select(columns) for frame in frames]).unique(maintain_order=True)
    numbered = known.with_row_index("number")
    found = [
        frame.select(columns)
        .join(numbered, on=list(columns), how="left", nulls_equal=True, maintain_order="left")["number"]
        .cast(pl.Int64)
        for frame in frames
    ]
    return known.rows(), found


def _lanes(whole: pl.DataFrame, summed: pl.DataFrame) -> list[dict[str, Any]]:
    """The lanes from the top: names, how many rows each has, and of how many events these tell."""
    import polars as pl

    counted = [
        frame.group_by(_LANE, maintain_order=True)
        .agg(pl.len().alias("rows"), total.alias("events"))
        .rows(named=True)
        for frame, total in ((whole, pl.len().cast(pl.Int64)), (summed, pl.col("lane_events").first()))
    ]
    lanes = [
        {
            "process": values.drawn(row["process"]),
            "name": values.drawn(row["lane"]),
            "layer": row["layer"],
            "rows": row["rows"],
            "events": row["events"],
            "whole": number == 0,
            "number": row["lane_number"],
        }
        for number, rows in enumerate(counted)
        for row in rows
    ]
    lanes.sort(key=lambda lane: lane.pop("number"))
    before = None
    for lane in lanes:
        # Ranges within ranges stand below them, without a name of their own.
        group = (lane["process"], lane["layer"], _DEPTH.sub("", lane["name"]))
        lane["below"] = group == before and lane["layer"] in ("projected", "range")
        before = group
    return lanes


def _deltas(times: pl.Series, first: Any) -> pl.Series:
    since = times - (first or 0)
    return since - since.shift(1, fill_value=0)


def _planes(numbers: pl.Series) -> list[bytes]:
    """The planes of a column, without those at the top that are empty."""
    import polars as pl

    folded = pl.select(
        pl.when(numbers < 0).then(-2 * numbers - 1).otherwise(2 * numbers).cast(pl.Int64)
    ).to_series()
    found = _raw(folded)
    planes = [found[place::8] for place in range(8)]
    while planes and not planes[-1].strip(b"\0"):
        planes.pop()
    return planes


def _raw(numbers: pl.Series) -> bytes:
    """The numbers as they lie in memory: 64 bits each."""
    buffer = numbers.rechunk().to_arrow().buffers()[1]
    return bytes(buffer)[: 8 * len(numbers)] if buffer is not None else b""
