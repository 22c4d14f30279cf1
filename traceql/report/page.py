"""One self-contained HTML page: what is in it as data, and the text that it becomes.

Everything that comes from a trace is a stranger's: the template escapes it in HTML, `_json` inside script
elements. The page's policy (Content-Security-Policy) allows the scripts written here, by their hashes, and no
request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import jinja2

from traceql import __version__
from traceql.present import values
from traceql.read import kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.draw.theme import Colors


@dataclass(frozen=True)
class Note:
    """A remark on what is shown."""

    text: str
    kind: Literal["note", "warning", "missing"] = "note"


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    meaning: str
    number: bool


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and the number to sort it by."""

    text: str
    value: float | None = None
    missing: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `left_out` says which rows are not in it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: str = ""


@dataclass(frozen=True)
class Figure:
    """A question with its answer: a chart, a table or both, and the query that made them.

    `chart` is its specification, see `specification`, and `packed` the same where it is large; `timeline` is
    what `traceql.report.timeline.packed` made for the page's script.
    """

    anchor: str
    title: str
    about: str = ""
    chart: str = ""
    packed: str = ""
    timeline: str = ""
    table: Table | None = None
    open: bool = False
    command: str = ""
    sql: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A line of a card: what it is about, its numbers or texts, and what to know about it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Card:
    """All that is known about one kernel, part by part; `command` gives it as a table."""

    anchor: str
    title: str
    about: str
    parts: tuple[tuple[str, tuple[Fact, ...]], ...]
    command: str
    open: bool = False


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: what it costs, where it is, what may help, and the command that shows it."""

    anchor: str
    sentence: str
    saving: str
    where: str
    remedy: str
    command: str
    start_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page.

    `key` are its key figures, and `outcome` what becomes of it in a sentence. `looked_at` is what was looked
    at for troubles, empty where nobody looked, `untold` what could not be told, one by one, `verdict` what is
    said where there is none, and `more` how many others there are.
    """

    anchor: str
    title: str
    level: int = 2
    key: tuple[tuple[str, str], ...] = ()
    outcome: str = ""
    lead: str = ""
    troubles: tuple[Trouble, ...] = ()
    looked_at: str = ""
    untold: tuple[str, ...] = ()
    verdict: str = ""
    more: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    figures: tuple[Figure, ...] = ()
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page."""

    title: str
    subtitle: str
    sections: tuple[Section, ...] = ()

    @property
    def contents(self) -> tuple[Section, ...]:
        """What the table of contents lists: parts of parts only where there is one of these."""
        heads = tuple(section for section in self.sections if section.level == 2)
        return heads if len(heads) > 1 else self.sections


# Bytes of a chart's specification from which on it is packed: most of it are numbers written as texts.
_LARGE = 50_000


def specification(chart: Mapping[str, Any]) -> str:
    """A chart as JSON for a script element."""
    return _json(_in_colors_of_page(_responsive(chart)))


def packed(specification: str) -> str:
    """A specification as base64 of zlib, where it is large; else empty."""
    text = specification.encode()
    return _packed(zlib.compress(text, 6)) if len(text) > _LARGE else ""


def html(page: Page) -> str:
    """The page as HTML."""
    from traceql.draw import theme

    figures = [figure for section in page.sections for figure in section.figures]
    charts = any(figure.chart for figure in figures)
    timelines = any(figure.timeline for figure in figures)
    script = _file("page.js")
    timeline = _file("timeline.js") if timelines else ""
    vega = _vega() if charts else b""
    style = jinja2.Template(_file("page.css"), autoescape=False).render(
        light=_variables(theme.LIGHT), dark=_variables(theme.DARK), font=theme.FONT
    )
    # Written here, or escaped for where they stand.
    trusted = {
        "style": style,
        "script": script,
        "timeline": timeline,
        "vega": _packed(vega),
        "theme": _json(theme.stacked(theme.config(_in_css()))),
    }
    return template().render(
        page=page,
        charts=charts,
        version=__version__,
        policy=_policy(
            [
                text
                for text in (zlib.decompress(vega) if vega else b"", script.encode(), timeline.encode())
                if text
            ]
        ),
        **trusted,
    )


@cache
def template() -> jinja2.Template:
    """What pages are made of."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, finalize=_finalized
    )
    environment.filters["capitalize"] = str.capitalize
    return environment.from_string(_file("page.html"))


def _finalized(value: object) -> object:
    """A text of the page, line by line as it can be shown; what was written here or escaped stays."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(values.readable(line) for line in value.split("\n"))


def _in_css() -> Colors:
    """The charts' colours as variables of the page: it turns dark, or is printed, without drawing again."""
    from traceql.draw import theme

    return theme.Colors(
        background="transparent",
        ink="var(--ink)",
        muted="var(--muted)",
        grid="var(--grid)",
        series=tuple(f"var(--series-{n})" for n in range(len(theme.LIGHT.series))),
    )


def _in_colors_of_page(part: Any) -> Any:
    """A part of a specification with the colours of what a chart names as `_in_css` has them."""
    from traceql.draw import theme

    own = _in_css()
    known = dict(zip((theme.LIGHT.muted, *theme.LIGHT.series), (own.muted, *own.series), strict=True))

    def replaced(one: Any) -> Any:
        if isinstance(one, dict):
            # What stands in rows is a stranger's.
            return {key: value if key == "datasets" else replaced(value) for key, value in one.items()}
        if isinstance(one, list):
            return [replaced(each) for each in one]
        return known.get(one, one) if isinstance(one, str) else one

    return replaced(part)


def _variables(colors: Colors) -> str:
    values = {"background": colors.background, "ink": colors.ink, "muted": colors.muted, "grid": colors.grid}
    values |= {f"series-{n}": color for n, color in enumerate(colors.series)}
    return "\n".join(f"  --{name}: {color};" for name, color in values.items())


def _responsive(chart: Mapping[str, Any]) -> dict[str, Any]:
    """A chart's specification as wide as its place, without the title, which the page has."""
    adapted = {key: value for key, value in chart.items() if key not in ("config", "title", "$schema")}
    if not any(key in adapted for key in ("hconcat", "vconcat", "concat")):
        adapted |= {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    return adapted


def _json(value: object) -> str:
    """JSON that no HTML parser takes for the end of its script element, or for a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _vega() -> bytes:
    """The script that draws charts, compressed: the page's own unpacks it when it draws the first one."""
    from traceql.draw import render

    made_of = f"{__version__} {render.made_of()}"
    packed = kept.find("vega", made_of, ".zz")
    if packed is None:
        packed = zlib.compress(render.javascript().encode(), 9)
        kept.keep("vega", made_of, ".zz", packed)
    return packed


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _policy(scripts: list[bytes]) -> str:
    hashes = " ".join(f"'sha256-{_packed(hashlib.sha256(text).digest())}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _file(name: str) -> str:
    return (resources.files("traceql.report") / name).read_text(encoding="utf-8")
