"""Charts as files: JSON, SVG and PNG without a browser, and the JavaScript that shows them in one.

vl-convert brings Vega and renders with it; nothing is fetched from anywhere.
"""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING, Any

import vl_convert

from traceql.draw import theme

if TYPE_CHECKING:
    import altair as alt

#: Pixels of a PNG for each pixel of a chart.
SCALE = 2.0


def to_json(chart: alt.TopLevelMixin) -> str:
    """The Vega-Lite specification, with its data."""
    return json.dumps(specification(chart), ensure_ascii=False, allow_nan=False, indent=1)


def to_svg(chart: alt.TopLevelMixin) -> str:
    """The picture as SVG."""
    return str(vl_convert.vegalite_to_svg(_still(specification(chart)), allowed_base_urls=[]))


def to_png(chart: alt.TopLevelMixin, scale: float = SCALE) -> bytes:
    """The picture as PNG, `scale` times as large as the chart."""
    return specified_png(specification(chart), scale)


def specified_png(specified: dict[str, Any], scale: float = SCALE) -> bytes:
    """The picture of a `specification` as PNG, `scale` times as large as the chart."""
    return bytes(vl_convert.vegalite_to_png(_still(specified), scale=scale, allowed_base_urls=[]))


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The chart as Vega-Lite."""
    made = chart.to_dict()
    made["config"] = theme.stacked(made.get("config", {}))
    return made


def _still(part: Any) -> Any:
    """A part of a specification without the notes on how to move what it shows."""
    if isinstance(part, dict):
        return {key: _still(value) for key, value in part.items()}
    return [_still(one) for one in part if one != theme.HOW_TO_MOVE] if isinstance(part, list) else part


def javascript() -> str:
    """Vega, Vega-Lite and vega-embed in one script that sets ``window.vegaEmbed``: a second of work."""
    return str(vl_convert.javascript_bundle(_PROGRAM))


def made_of() -> str:
    """What `javascript` follows from."""
    return f"{metadata.version('vl-convert-python')} {_PROGRAM}"


_PROGRAM = "window.vegaEmbed = vegaEmbed;"
