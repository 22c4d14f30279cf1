"""Every chart of every situation: a picture that holds what it should, or an error that says why there is none.

``python tests/draw/every_chart.py [SITUATION…]`` asks for all charts, in every form, and prints what came of it;
the tests ask for some of them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
import time
import zlib
from collections import Counter
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from asked import given
from draw.situations import SITUATIONS
from made.runs import Runs
from made.store import empty

from traceql import report
from traceql.draw import charts, render
from traceql.errors import CatalogError, TraceqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from draw.situations import Held

    from traceql import Database
    from traceql.questions.parameters import Value

FORMS = ("json", "svg", "png", "html")
#: What marks of data are called in SVG; texts, axes and legends are none.
_DATA = ("bar", "line mark", "point", "rect mark", "rule")


@cache
def database(situation: str) -> tuple[Database, Held]:
    """A database in that situation, and what it holds; stored once, and not to be changed."""
    made, held = empty(), SITUATIONS[situation]()
    for name, one in held.items():
        one.store(made, name)
    return made, held


def asked(made: Database, held: Held, name: str) -> Iterator[dict[str, Value]]:
    """With which parameters a chart is asked for: of all traces, and of the first alone."""
    traces = [label for label, one in held.items() if not isinstance(one, Runs)] or ["none"]
    values: dict[str, Value] = {}
    for query in charts.queries_of(made._catalog, name):
        values |= given(query, timeline=traces[0], baseline=traces[0], variant=traces[-1])
    yield values
    if "trace" in charts.params(made._catalog, name):
        yield values | {"trace": traces[0]}


def outcomes(made: Database, name: str, forms: Sequence[str], values: Mapping[str, Value]) -> Iterator[str]:
    """What becomes of a chart in each form; its question is asked once for all but pages, which ask themselves."""
    drawn = cache(partial(made.chart, name, **values))
    for form in forms:
        yield outcome(drawn, partial(report.of_chart, made._asker, name, **values), form)


def outcome(chart: Callable[[], Any], page: Callable[[], str], form: str) -> str:
    """What becomes of a chart: drawn, or the name of an error that says why not.

    Raises:
        AssertionError: the picture is empty, or is not what its form promises.
        Exception: whatever else goes wrong.
    """
    try:
        if form == "html":
            check_page(page())
        else:
            _CHECKS[form](chart())
    except TraceqlError as error:
        # The header of a question that comes with traceql is right.
        assert not isinstance(error, CatalogError), error
        assert error.message
        return type(error).__name__
    return "drawn"


def check_json(chart: Any) -> None:
    """The specification is JSON, and compiles without a word."""
    compiled(json.loads(render.to_json(chart)))


def check_svg(chart: Any) -> None:
    """The picture holds a mark for what there is to see, and nothing that is not a number."""
    specification = render.specification(chart)
    svg = render.to_svg(chart)
    assert "NaN" not in svg
    assert "Infinity" not in svg
    found = marks(svg)
    side_by_side = specification.get("hconcat") or specification.get("vconcat") or [specification]
    assert sum(found[kind] for kind in _DATA) >= len(side_by_side)


def check_png(chart: Any) -> None:
    """The picture is a PNG of some size."""
    png = render.to_png(chart, scale=0.5)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert min(int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) > 20


def check_page(page: str, *, charts: bool = True) -> None:
    """The page needs nothing from elsewhere, and its charts, if it is to have some, compile without a word."""
    outside = re.findall(r'(?:src|href|action)="(?!#|data:)[^"]*"|url\((?!data:)', _without_scripts(page))
    assert outside == []
    held = r'<script type="application/{}" id="[^"]*-chart">(.*?)</script>'
    specifications = re.findall(held.format("json"), page, re.S)
    for packed in re.findall(held.format("octet-stream"), page):
        specifications.append(zlib.decompress(base64.b64decode(packed)).decode())
    assert specifications or not charts
    for text in specifications:
        compiled(json.loads(text))


_CHECKS: dict[str, Callable[[Any], None]] = {"json": check_json, "svg": check_svg, "png": check_png}


def marks(svg: str) -> Counter[str]:
    """Kind of mark → how many an SVG holds."""
    return Counter(re.findall(r'aria-roledescription="([^"]*)"', svg))


def compiled(specification: dict[str, Any]) -> None:
    """A specification in Vega-Lite becomes one in Vega, without a warning."""
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            # Whose warnings go to the standard error of the process.
            vl_convert.vegalite_to_vega(specification, show_warnings=True)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        said.seek(0)
        assert said.read().decode() == ""


def _without_scripts(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.S)


@cache
def names() -> tuple[str, ...]:
    """All charts."""
    return tuple(sorted(charts.names(empty()._catalog)))


def main() -> int:
    """Ask for everything and print what came of it."""
    failed = 0
    for situation in sys.argv[1:] or SITUATIONS:
        began = time.process_time()
        made, held = database(situation)
        stored = time.process_time()
        found: Counter[str] = Counter()
        for name in names():
            for values in asked(made, held, name):
                for form in FORMS:
                    try:
                        found.update(outcomes(made, name, (form,), values))
                    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                        found["failed"] += 1
                        print(f"  {situation}: {name} as {form} of {values}: {error!r}"[:400])
        failed += found["failed"]
        took = f"stored in {stored - began:.1f} s, drawn in {time.process_time() - stored:.1f} s of CPU"
        print(f"{situation}: {dict(found)}, {took}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
