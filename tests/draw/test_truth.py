"""Charts tell the truth: nothing is drawn alike that differs, nothing is empty, and what matters is drawn first."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import polars as pl
import pytest
from made.nsys import Recording, kernel
from made.store import empty

from traceql.draw import charts, predictions, render, rooflines, theme
from traceql.draw.registry import KINDS
from traceql.errors import QueryError, UnknownQueryError
from traceql.questions import catalog


def drawn(kind: str, answer: pl.DataFrame, *beside: pl.DataFrame, **channels: str) -> dict[str, Any]:
    return KINDS[kind].draw(answer, *beside, **channels).to_dict()


def rows(specification: dict[str, Any], column: str) -> list[dict[str, Any]]:
    return [row for rows in specification["datasets"].values() for row in rows if column in row]


# --- bars -----------------------------------------------------------------------------------------------


def test_bars_of_numbers_say_what_is_numbered() -> None:
    answer = pl.DataFrame({"rank": [0, 1], "work_ns": [5, 6], "waiting_ns": [1, 0], "idle_ns": [0, 2]})
    parts = drawn("parted_bars", answer, x="rank", y="work_ns", y2="waiting_ns", y3="idle_ns")
    assert [row[theme.NAME] for row in rows(parts, theme.NAME)] == ["Rank 0", "Rank 1"]
    bars = drawn("bars", answer, x="rank", y="work_ns")
    assert [row[theme.NAME] for row in rows(bars, theme.NAME)] == ["Rank 0", "Rank 1"]


def test_amounts_of_unlike_units_have_a_panel_each_with_shares_first() -> None:
    answer = pl.DataFrame(
        {
            "metric": ["Warps", "Warps", "Clock", "NVLink"],
            "unit": ["Warps", "Throughput %", "MHz", "B"],
            "avg": [1e5, 0.5, 1300.0, 0.0],
        }
    )
    panels = drawn("bars", answer, x="metric", y="avg", unit="unit")
    assert [panel["title"]["text"] for panel in panels["vconcat"]] == [["Throughput %"], ["MHz"], ["Warps"]]
    values = {row[theme.VALUE] for row in rows(panels, theme.VALUE)}
    assert values == {"0.5 %", "1,300 MHz", "100,000 Warps"}
    assert panels["title"]["subtitle"] == ["of B: nothing but 0"]


def test_a_side_that_nobody_measured_is_said_once_and_has_no_rows() -> None:
    answer = pl.DataFrame(
        {"kernel": ["a", "b"], "theoretical_pct": [50.0, 75.0], "achieved_pct": [None, None]}
    )
    shares = drawn(
        "share_bars",
        answer.with_columns(pl.col("achieved_pct").cast(pl.Float64)),
        x="kernel",
        y="theoretical_pct",
        y2="achieved_pct",
    )
    assert "not measured: achieved" in shares["title"]["subtitle"]
    assert "not known" not in {row[theme.VALUE] for row in rows(shares, theme.VALUE)}


def test_both_instances_of_a_range_stand_side_by_side_with_their_spans() -> None:
    answer = pl.DataFrame(
        {
            "range": ["step", "step", "other"],
            "slowest_span_ns": [60, 60, 9],
            "usual_span_ns": [20, 20, 8],
            "operation": ["idle", "gemm", "gemm"],
            "slowest_ns": [30, 30, 9],
            "usual_ns": [5, 15, 8],
        }
    )
    bars = drawn(
        "side_bars",
        answer,
        x="operation",
        y="slowest_ns",
        y2="usual_ns",
        total="slowest_span_ns",
        total2="usual_span_ns",
        panel="range",
    )
    assert [row[theme.VALUE] for row in rows(bars, theme.VALUE)] == ["30 ns vs 5 ns", "30 ns vs 15 ns"]
    assert bars["title"]["subtitle"] == ["step: slowest 60 ns, usual 20 ns", "the first of 2"]


@pytest.mark.parametrize(
    ("kind", "channels"),
    [
        ("bars", {"x": "rank", "y": "exposed_ns"}),
        ("parted_bars", {"x": "rank", "y": "exposed_ns", "y2": "idle_ns", "y3": "idle_ns"}),
        ("grid", {"x": "step", "y": "rank", "color": "exposed_ns"}),
        ("points", {"x": "step", "y": "exposed_ns"}),
        ("heatmap", {"x": "step", "y": "rank", "color": "exposed_ns"}),
    ],
)
def test_a_picture_of_nothing_is_said_instead_of_drawn(kind: str, channels: dict[str, str]) -> None:
    answer = pl.DataFrame({"rank": [0, 0], "step": [0, 1], "exposed_ns": [0, 0], "idle_ns": [0, 0]})
    with pytest.raises(QueryError, match="0 in every row"):
        drawn(kind, answer, **channels)


# --- colours --------------------------------------------------------------------------------------------


def test_a_category_a_gpu_and_a_trace_have_one_colour_in_every_chart() -> None:
    def color(column: str, value: Any, *beside: Any) -> str:
        values, colors = theme.hues(pl.Series(column, [value, *beside]))
        return colors[values.index(value)]

    assert color("category", "gemm") == color("category", "gemm", "attention", "norm", "other")
    assert color("category", "norm", "rope") == color("category", "norm", "attention", "gemm")
    assert color("gpu_id", 1) == color("gpu_id", 1, 0, 3) != color("gpu_id", 0)
    assert color("trace", "run") == color(
        "trace", "run", *(["other"] if color("trace", "other") != color("trace", "run") else [])
    )
    assert color("phase", "prefill") == color("phase", "prefill", "decode")


def test_no_two_of_seven_have_one_colour() -> None:
    for column in ("trace", "gpu", "kernel", "category"):
        _, colors = theme.hues(pl.Series(column, [f"name {number}" for number in range(7)]))
        assert len(set(colors)) == 7
    # Numbers that would have the same one, too.
    _, colors = theme.hues(pl.Series("gpu_id", [0, 7, 14]))
    assert len(set(colors)) == 3


def test_no_two_blocks_of_a_timeline_look_alike_where_there_are_more_kinds_than_colours() -> None:
    kinds = [f"kind {number}" for number in range(10)]
    answer = pl.DataFrame(
        {
            "lane": ["a"] * 10,
            "kind": kinds,
            "start_ns": [100 * number for number in range(10)],
            # The longest are the last but one.
            "end_ns": [100 * number + 10 + number * (number < 9) for number in range(10)],
        }
    )

    def hued(rows: pl.DataFrame) -> tuple[dict[str, str], list[str]]:
        """What is drawn of each kind, and the notes."""
        found = drawn("timeline", rows, x="start_ns", x2="end_ns", y="lane", color="kind")
        field, scale = found["encoding"]["color"]["field"], found["encoding"]["color"]["scale"]
        colors = dict(zip(scale["domain"], scale["range"], strict=True))
        (told,) = found["datasets"].values()
        assert found["encoding"]["tooltip"][1]["field"] == "kind"
        return {row["kind"]: colors[row[field]] for row in told}, found["title"]["subtitle"]

    colors, notes = hued(answer)
    assert [kind for kind in kinds if colors[kind] == theme.LIGHT.muted] == ["kind 0", "kind 1", "kind 9"]
    assert len({*colors.values()}) == len(theme.LIGHT.series) + 1
    assert "colours: the 7 longest of 10" in notes
    # One of seven has the colour that it has beside all of them.
    with theme.part_of(answer):
        part, _ = hued(answer.filter(pl.col("kind").is_in(["kind 5", "kind 9"])))
    assert part == {kind: colors[kind] for kind in ("kind 5", "kind 9")}
    seven, notes = hued(answer.head(7))
    assert len({*seven.values()}) == 7 and not any("colours" in note for note in notes)


def test_pools_that_had_one_address_have_names_of_their_own() -> None:
    lives = {"pid": [1, 1, 2], "gpu_id": [0, 0, 0], "pool_address": [4096] * 3, "created_ns": [0, 50, 0]}
    answer = pl.DataFrame(lives | {"peak_bytes": [100, 200, 300], "peak_used_bytes": [10, 20, 30]})
    found = drawn("paired_bars", answer, x="pool_address", y="peak_bytes", y2="peak_used_bytes")
    (rows,) = found["datasets"].values()
    assert [row[theme.NAME] for row in rows] == [
        "Pool address 0x1000 (1 of 2, Process 1)",
        "Pool address 0x1000 (2 of 2, Process 1)",
        "Pool address 0x1000 (Process 2)",
    ]
    assert len({row[theme.FEW] for row in rows}) == 3


def test_lines_of_gpus_that_share_a_colour_are_dashed() -> None:
    gpus = [*range(9)]
    answer = pl.DataFrame(
        {"kernel": ["k"] * 9, "gpu_id": gpus, "start_ns": [0] * 9, "end_ns": [10] * 9}
    ).with_columns(
        pl.lit(value).alias(name) for name, value in (("min_ns", 1), ("median_ns", 2), ("max_ns", 3))
    )
    channels = {
        "x": "start_ns",
        "x2": "end_ns",
        "y": "median_ns",
        "low": "min_ns",
        "high": "max_ns",
        "panel": "kernel",
    }
    line = drawn("durations", answer, **channels, color="gpu_id")["vconcat"][0]["layer"][1]["encoding"]
    looks = set(
        zip(line["color"]["scale"]["range"], map(str, line["strokeDash"]["scale"]["range"]), strict=True)
    )
    assert len(looks) == 9
    few = drawn("durations", answer.head(7), **channels, color="gpu_id")["vconcat"][0]["layer"][1]["encoding"]
    assert "strokeDash" not in few


def test_charts_of_several_traces_share_the_colours_of_all() -> None:
    whole = pl.DataFrame({"category": ["gemm", "other", "triton"]})
    with theme.part_of(whole):
        assert theme.hues(pl.Series("category", ["triton"])) == theme.hues(whole["category"])
    assert theme.hues(pl.Series("category", ["triton"]))[0] == ["triton"]


def test_bars_of_categories_have_their_colours_and_other_bars_have_one() -> None:
    answer = pl.DataFrame({"category": ["gemm", "norm"], "kernel": ["a", "b"], "total_ns": [2, 1]})
    hued = drawn("bars", answer, x="category", y="total_ns")["layer"][0]["encoding"]
    assert hued["color"]["field"] == "category"
    assert hued["color"]["legend"] is None
    assert "color" not in drawn("bars", answer, x="kernel", y="total_ns")["layer"][0]["encoding"]


# --- over time ------------------------------------------------------------------------------------------


def test_a_map_of_time_begins_and_ends_with_the_work() -> None:
    answer = pl.DataFrame(
        {"start_ns": [0, 10, 20, 30, 40], "gpu_id": [0] * 5, "busy_pct": [0.0, 50.0, 0.0, 100.0, 0.0]}
    )
    cells = drawn("heatmap", answer, x="start_ns", y="gpu_id", color="busy_pct")
    assert [row["start_ns"] for row in rows(cells, "until_ns")] == [10, 20, 30]
    assert cells["title"]["subtitle"] == ["nothing in 2 stretches of time before and after"]
    one = drawn("heatmap", answer[1:], x="start_ns", y="gpu_id", color="busy_pct")
    assert one["title"]["subtitle"] == ["nothing in 1 stretch of time before and after"]
    assert cells["encoding"]["x"]["scale"]["zero"] is False


def test_there_is_nothing_between_two_steps() -> None:
    answer = pl.DataFrame({"step": [3, 4, 5], "gpu_span_ns": [10, 11, 12]})
    across = drawn("points", answer, x="step", y="gpu_span_ns")["encoding"]["x"]
    assert across["axis"]["tickMinStep"] == 1
    assert across["scale"] == {"zero": False, "nice": False, "padding": 8}


def test_a_slice_of_time_has_a_line_at_its_median_and_a_box_from_the_shortest_to_the_longest() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["gemm"] * 2 + ["norm"],
            "gpu_id": [0, 1, 0],
            "start_ns": [0, 0, 10],
            "end_ns": [10, 10, 20],
            "min_ns": [5, 6, 1],
            "median_ns": [6.0, 7.0, 1.0],
            "max_ns": [9, 8, 1],
        }
    )
    channels = {"x": "start_ns", "x2": "end_ns", "y": "median_ns", "low": "min_ns", "high": "max_ns"}
    panels = drawn("durations", answer, panel="kernel", color="gpu_id", **channels)["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == [["gemm"], ["norm"]]
    box, line = (layer["encoding"] for layer in panels[0]["layer"])
    assert (box["y"]["field"], box["y2"]["field"]) == ("min_ns", "max_ns")
    assert (line["x"]["field"], line["x2"]["field"], line["y"]["field"]) == (
        "start_ns",
        "end_ns",
        "median_ns",
    )
    # All panels over the same time, and a GPU has its colour.
    assert {tuple(panel["layer"][0]["encoding"]["x"]["scale"]["domain"]) for panel in panels} == {(0, 20)}
    assert box["color"]["field"] == "gpu_id"
    alone = drawn("durations", answer.head(1), panel="kernel", color="gpu_id", **channels)
    assert "value" in alone["vconcat"][0]["layer"][0]["encoding"]["color"]


# --- how values are spread ------------------------------------------------------------------------------


def test_a_histogram_is_of_no_time_below_0_and_of_no_half_instances() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["a", "a", "b"],
            "from_ns": [10.0, 4_000_000.0, 500.0],
            "to_ns": [500_000.0, 5_000_000.0, 600.0],
            "instances": [3, 1, 9],
        }
    )
    channels = {"x": "from_ns", "x2": "to_ns", "y": "instances", "panel": "kernel"}
    many, few = drawn("histogram", answer, **channels)["vconcat"]
    start, end = few["encoding"]["x"]["scale"]["domain"]
    assert start == 0 and 5_000_000 < end < 5_200_000
    assert few["encoding"]["y"]["axis"]["values"] == [0, 1, 2, 3]
    start, end = many["encoding"]["x"]["scale"]["domain"]
    assert 490 < start < 500 and 600 < end < 610
    assert "values" not in many["encoding"]["y"]["axis"]


def test_bars_of_a_few_things_that_are_counted_have_no_halves() -> None:
    def axis(**amounts: list[Any]) -> dict[str, Any]:
        (name,) = amounts
        chart = drawn("bars", pl.DataFrame({"kernel": ["a", "b"], **amounts}), x="kernel", y=name)
        found: dict[str, Any] = chart["layer"][0]["encoding"]["x"]["axis"]
        return found

    assert axis(launches=[2, 1])["values"] == [0, 1, 2]
    assert "values" not in axis(launches=[200, 1])
    # A mean of them may be one, and a time is in another unit than its numbers.
    assert "values" not in axis(launches_per_step=[2.0, 1.5])
    assert "values" not in axis(total_ns=[2, 1])


def test_amounts_that_are_paired_have_the_unit_of_their_column_or_that_of_their_measure() -> None:
    memory = pl.DataFrame({"memory_kind": ["Pinned"], "peak_bytes": [2_000_000], "end_bytes": [1_000_000]})
    chart = drawn("paired_bars", memory, x="memory_kind", y="peak_bytes", y2="end_bytes")
    assert [row[theme.VALUE] for row in rows(chart, theme.VALUE)] == ["2 MB → 1 MB   -50.0 %"]
    measured = pl.DataFrame({"measure": ["sync_ns"], "baseline": [2_000_000.0], "variant": [1_000.0]})
    chart = drawn("paired_bars", measured, x="measure", y="baseline", y2="variant")
    assert [row[theme.VALUE] for row in rows(chart, theme.VALUE)] == ["2 ms → 1 µs   -100.0 %"]


def test_what_is_left_out_is_said_of_one_as_of_several() -> None:
    assert theme.not_shown(0, "without a value") == ""
    assert theme.not_shown(1, "without a value") == "1 without a value is not shown"
    assert theme.not_shown(2_000, "others", "drawn") == "2,000 others are not drawn"
    assert (theme.cut(1, 3, "first"), theme.cut(2, 3, "first")) == ("the first of 3", "the 2 first of 3")


@pytest.mark.parametrize("length", [3, 20])
def test_a_name_ends_before_the_value_beside_it(length: int) -> None:
    answer = pl.DataFrame({theme.NAME: ["a kernel"], theme.VALUE: ["1" * length], theme.ROW: [0]})
    name, _ = theme.head_lines(alt.Chart(theme.named(answer)), 0)
    room = int(name.to_dict()["mark"]["limit"]["expr"].removeprefix("max(40, width - ").removesuffix(")"))
    assert room >= max(110, 6.4 * length)


# --- legends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "letters", "columns"), [(4, 6, None), (7, 6, 7), (7, 20, 3), (4, 24, 3), (2, 24, None)]
)
def test_a_legend_is_one_line_where_it_has_room_and_else_a_table(
    number: int, letters: int, columns: int | None
) -> None:
    names = pl.Series("kernel", [f"{n}".rjust(letters, "k") for n in range(number)])
    assert theme.legend(names).to_dict().get("columns") == columns


def test_a_histogram_is_of_the_kernels_that_take_the_time() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["often", "long", "long"],
            "from_ns": [1.0, 900.0, 990.0],
            "to_ns": [2.0, 990.0, 1080.0],
            "instances": [100, 2, 1],
            "total_ns": [100, 1800, 1000],
        }
    )
    channels = {"x": "from_ns", "x2": "to_ns", "y": "instances", "panel": "kernel"}
    by_time = drawn("histogram", answer, weight="total_ns", **channels)["vconcat"]
    assert [panel["title"]["text"] for panel in by_time] == [["long"], ["often"]]
    assert [panel["title"]["subtitle"] for panel in by_time] == [
        ["96.6 % of the time"],
        ["3.45 % of the time"],
    ]
    assert drawn("histogram", answer, **channels)["vconcat"][0]["title"]["text"] == ["often"]


def test_percentiles_are_points_on_a_line_from_the_median_to_the_slowest() -> None:
    answer = pl.DataFrame(
        {
            "domain": ["", "lib"],
            "range": ["step", "step"],
            "median_ns": [1e6, 2e3],
            "p90_ns": [2e6, 2e3],
            "p99_ns": [5e6, 3e3],
            "max_ns": [9_000_000, 4_000],
        }
    )
    places = {"y": "median_ns", "y2": "p90_ns", "y3": "p99_ns", "y4": "max_ns"}
    chart = drawn("percentiles", answer, x="range", **places)
    assert [row[theme.VALUE] for row in rows(chart, theme.VALUE)] == ["1 ms → 9 ms", "2 µs → 4 µs"]
    line, *points = chart["layer"][:5]
    assert (line["encoding"]["x"]["field"], line["encoding"]["x2"]["field"]) == ("median_ns", "max_ns")
    assert [point["encoding"]["x"]["field"] for point in points] == [*places.values()]
    assert line["encoding"]["x"]["scale"]["domain"] == [1000.0, 10_000_000.0]


def test_numbers_that_are_far_apart_have_a_logarithmic_axis_in_their_unit() -> None:
    answer = pl.DataFrame(
        {
            "kernel": ["a", "b", "c"],
            "x_value": [1e3, 2e3, 1e9],
            "y_value": [10.0, 11.0, 12.0],
            "x_metric": ["bytes"] * 3,
            "x_unit": ["byte"] * 3,
        }
    )
    chart = drawn("scatter", answer, x="x_value", y="y_value", x_name="x_metric", x_unit="x_unit")
    across, up = chart["encoding"]["x"], chart["encoding"]["y"]
    assert (across["scale"]["type"], across["axis"]["title"]) == ("log", "bytes (B)")
    assert "scale" not in up
    # What is not above 0 has no place on one.
    zero = answer.with_columns(pl.Series("x_value", [0.0, 2e3, 1e9]))
    linear = drawn("scatter", zero, x="x_value", y="y_value", x_name="x_metric", x_unit="x_unit")
    assert "scale" not in linear["encoding"]["x"]


# --- rooflines ------------------------------------------------------------------------------------------

WORK = pl.DataFrame(
    {
        "trace": ["t"] * 4,
        "kernel": ["gemm", "gemm_of_another", "norm", "copy"],
        "category": ["gemm", "gemm", "norm", "elementwise"],
        "gpu_ns": [400, 300, 20, 5],
        "dram_flop_per_byte": [400.0, 380.0, 1.0, 1.05],
        "flop_per_s": [8e14, 7.9e14, 3e12, 3.1e12],
    }
)
ROOFS = pl.DataFrame(
    [
        ("t", "compute", "bf16", "profiled", None, 989e12, None),
        ("t", "compute", "fp16", "profiled", None, 989e12, None),
        ("t", "compute", "fp64", "profiled", None, 67e12, None),
        ("t", "memory", "dram", "profiled", None, None, 4.8e12),
        ("t", "memory", "l2", "profiled", None, None, 1e14),
    ],
    schema=["trace", "kind", "name", "source", "metric", "flop_per_s", "bytes_per_s"],
    orient="row",
)


def roofline() -> dict[str, Any]:
    channels = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "category"}
    return drawn("roofline", WORK, ROOFS, name="kernel", **channels)


def test_roofs_and_ridge_points_that_no_work_comes_near_are_faint() -> None:
    specification = roofline()
    near = {row["roof"]: row["near"] for row in rows(specification, "near")}
    assert near == {
        "bf16 profiled": True,
        "fp16 profiled": True,
        "fp64 profiled": False,
        "DRAM profiled": True,
        "L2 profiled": False,
    }
    lines = specification["layer"][0]["encoding"]["opacity"]
    assert lines == {"condition": {"test": "datum.near", "value": 1}, "value": 0.25}
    ridges = [
        layer["mark"]["opacity"] for layer in specification["layer"] if layer["mark"].get("style") == "ridge"
    ]
    assert ridges == [1.0, 0.25]


def ridge_labels(specification: dict[str, Any]) -> list[dict[str, Any]]:
    return list(rows(specification, "narrow"))


def test_the_axis_reaches_every_ridge_point_that_is_drawn() -> None:
    """Those that no work comes near, too: they would lie beside the plot."""
    channels = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "category"}
    work = WORK.filter(pl.col("dram_flop_per_byte") < 2)
    specification = drawn("roofline", work, ROOFS, name="kernel", **channels)
    left, right = specification["layer"][0]["encoding"]["x"]["scale"]["domain"]
    ridges = [row for row in rows(specification, "label") if str(row["label"]).endswith("FLOP/byte")]
    ends = [row["dram_flop_per_byte"] for row in rows(specification, "roof")]
    assert max(row["dram_flop_per_byte"] for row in ridges) == pytest.approx(989 / 4.8)
    assert all(left <= row["dram_flop_per_byte"] < right for row in ridges)
    assert left <= min(ends) and max(ends) <= right


def boxes_of(specification: dict[str, Any], plot: Any) -> list[tuple[float, float, float, float]]:
    """Where the labels of roofs and ridge points lie, each letter taken for as wide as in a wide font."""
    found = []
    # Roofs themselves have the label, too, at their ends.
    labels = {
        row["label"]: (row["dram_flop_per_byte"], row["flop_per_s"], row.get("dx", -1), row["dy"])
        for row in sorted(rows(specification, "dy"), key=lambda row: -row["dram_flop_per_byte"])
        if row["label"]
    }
    for text, (x, y, dx, dy) in labels.items():
        px, py = plot.pixels(x, y)
        left = px + (dx if dx > 0 else dx - 6.4 * len(text))
        found.append((left, py + dy - 5, left + 6.4 * len(text), py + dy + 5))
    return found


def test_labels_of_roofs_and_ridge_points_lie_on_no_point_and_not_on_each_other() -> None:
    # At the right edge, where the label of the roof would be, and right of a ridge point.
    places = {"dram_flop_per_byte": [200_000.0, 230.0], "flop_per_s": [9e14, 9e14]}
    work = WORK.head(2).with_columns(pl.Series(name, values) for name, values in places.items())
    channels = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "category"}
    specification = drawn("roofline", work, ROOFS, name="kernel", **channels)
    domains = [specification["layer"][0]["encoding"][axis]["scale"]["domain"] for axis in "xy"]
    plot = rooflines._Plot(*domains[0], *domains[1])
    boxes = boxes_of(specification, plot)
    assert len(boxes) >= 4
    boxes += [
        (x - 5, y - 5, x + 5, y + 5)
        for x, y in (plot.pixels(*place) for place in zip(*places.values(), strict=True))
    ]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert not (
                one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
            ), (one, other)


def test_on_a_narrow_page_the_label_of_a_ridge_point_gives_way_to_that_of_its_roof() -> None:
    near = {row["label"]: row["narrow"] for row in ridge_labels(roofline())}
    far_right = WORK.with_columns(pl.Series("dram_flop_per_byte", [4e8, 4e8, 1.0, 1.1]))
    channels = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "category"}
    specification = drawn("roofline", far_right, ROOFS, name="kernel", **channels)
    assert near["14 FLOP/byte"] is False
    assert {row["label"]: row["narrow"] for row in ridge_labels(specification)}["14 FLOP/byte"] is True


def test_a_line_to_a_name_lies_on_no_name_where_there_is_another_place() -> None:
    taken = [(142.0, 90.0, 158.0, 102.0)]
    spot = (150.0, 110.0, 5.0)
    # Right above is a name, so that a line would go through it; there is room on both sides above.
    fence = [(0.0, 95.0, 640.0, 380.0)]
    box, end = rooflines._place(spot, 40, [*taken, *fence], taken) or (None, None)
    assert box is not None and end is not None and (box[0] > 158 or box[2] < 142)
    wall = [(0.0, 0.0, 128.0, 380.0), (172.0, 0.0, 640.0, 380.0)]
    assert rooflines._place(spot, 40, [*taken, *fence, *wall], taken) is None
    assert rooflines._place(spot, 40, [*taken, *fence, *wall]) is not None


def test_peaks_that_lie_on_each_other_have_one_label() -> None:
    labels = {
        row["label"] for row in rows(roofline(), "label") if "place" in row and row["place"] == "compute"
    }
    assert labels == {"", "fp16, bf16 989 TFLOP/s", "fp64 67 TFLOP/s"}


def test_points_are_named_and_no_name_lies_on_a_point_or_on_another() -> None:
    specification = roofline()
    named = {
        row["called"]: (row["dram_flop_per_byte"], row["flop_per_s"]) for row in rows(specification, "called")
    }
    assert named.keys() == set(WORK["kernel"])
    domains = [specification["layer"][0]["encoding"][axis]["scale"]["domain"] for axis in "xy"]
    plot = rooflines._Plot(*domains[0], *domains[1])
    boxes = []
    for text, place in named.items():
        left, middle = plot.pixels(*place)
        boxes.append((left, middle - 5, left + 5.8 * len(text), middle + 5))
    boxes += [
        (x - 3, y - 3, x + 3, y + 3)
        for x, y in (plot.pixels(*place) for place in WORK.select("dram_flop_per_byte", "flop_per_s").rows())
    ]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            both_points = one in boxes[len(named) :] and other in boxes[len(named) :]
            assert apart or both_points, (one, other)


def test_a_name_that_has_no_room_beside_its_point_has_a_line_to_it() -> None:
    crowd = pl.concat([WORK.head(1).with_columns(kernel=pl.lit(f"kernel {number}")) for number in range(6)])
    channels = {"x": "dram_flop_per_byte", "y": "flop_per_s", "size": "gpu_ns", "color": "category"}
    specification = drawn("roofline", crowd, ROOFS, name="kernel", **channels)
    lines = rows(specification, "end_x")
    assert lines
    assert all(row["dram_flop_per_byte"] == 400.0 for row in lines)


# --- by their names -------------------------------------------------------------------------------------


def test_a_chart_that_does_not_exist_is_told_from_charts() -> None:
    with pytest.raises(UnknownQueryError) as refused:
        charts.queries_of(catalog.shipped(), "kernls")
    assert refused.value.message == "no chart is called 'kernls'"
    assert refused.value.remedy == "Did you mean kernels or top-kernels? All charts: traceql chart --list"
    with pytest.raises(UnknownQueryError) as refused:
        charts.queries_of(catalog.shipped(), "xyzzy")
    assert refused.value.remedy == "All charts: traceql chart --list"


def test_a_long_question_is_the_title_in_several_lines() -> None:
    assert theme.titled("Which?") == "Which?"
    lines = theme.titled("word " * 40)
    assert len(lines) == 3
    assert max(map(len, lines)) <= 74


# --- what is not known, and more of it than colours ------------------------------------------------------


def fills(svg: str) -> list[str | None]:
    """The colour of each point of a picture, if Vega gives it one."""
    marks = re.findall(r'<path [^>]*aria-roledescription="point"[^>]*>', svg)
    return [found[1] if (found := re.search(r' fill="([^"]*)"', mark)) else None for mark in marks]


@pytest.mark.parametrize(("kind", "y"), [("points", "gpu_span_ns"), ("scatter", "gpu_span_ns")])
def test_points_of_no_phase_are_seen_and_named_beside_those_of_one(kind: str, y: str) -> None:
    answer = pl.DataFrame({"step": [0, 1, 2], y: [5, 6, 7], "phase": ["decode", "prefill", None]})
    chart = drawn(kind, answer, x="step", y=y, color="phase")
    svg = render.to_svg(charts.themed(KINDS[kind].draw(answer, x="step", y=y, color="phase")))
    decode, prefill, none = fills(svg)
    assert none == theme.LIGHT.muted
    assert len({decode, prefill, none}) == 3
    for channel in ("color", "shape"):
        assert chart["encoding"][channel]["scale"]["domain"] == ["decode", "prefill", None]
    assert ">no phase</text>" in svg


def test_bars_and_work_of_no_category_are_drawn() -> None:
    answer = pl.DataFrame({"layer_kind": ["mlp", None], "gpu_ns": [5, 6]})
    chart = drawn("bars", answer, x="layer_kind", y="gpu_ns")
    assert chart["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["mlp", None]


def counters(*, metrics: int = 1, unit: str = "%", device: str = "GPU 0") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"device": device, "metric": f"m{number}", "unit": unit, "time_ns": time, "avg": 1.0 * number}
            for number in range(metrics)
            for time in (0, 5)
        ]
    )


OVER_TIME = {
    "x": "time_ns",
    "y": "avg",
    "color": "metric",
    "apart": "device",
    "panel": "unit",
    "y_unit": "unit",
}


def test_lines_of_one_colour_are_dashed_otherwise() -> None:
    few, many = (drawn("lines", counters(metrics=number), **OVER_TIME)["encoding"] for number in (7, 9))
    assert "strokeDash" not in few
    colors, dashes = many["color"]["scale"], many["strokeDash"]["scale"]
    assert colors["domain"] == dashes["domain"]
    assert len(set(zip(colors["range"], map(tuple, dashes["range"]), strict=True))) == 9
    # One legend tells both.
    assert many["color"]["legend"] == many["strokeDash"]["legend"]


def test_curves_of_one_colour_are_dashed_otherwise() -> None:
    rows = [
        {"gpu": f"G{n}", "batch_size": size, "ms_per_token": 1.0 * size, "ridge": 4.0, "elbow": None}
        for n in range(8)
        for size in (1, 2)
    ]
    answer = pl.DataFrame(rows, schema_overrides={"elbow": pl.Float64})
    of = {"x": "batch_size", "y": "ms_per_token", "color": "gpu", "ridge": "ridge", "elbow": "elbow"}
    curves = drawn("sweep", answer, **of)["layer"][1]["encoding"]
    assert curves["strokeDash"]["scale"]["domain"] == curves["color"]["scale"]["domain"]
    assert len({*map(tuple, curves["strokeDash"]["scale"]["range"])}) == 2
    floors = pl.DataFrame(
        [{"x": x, "us": 1.0 * x, "up": None, "series": f"G{n}"} for n in range(8) for x in (1, 2)]
    )
    lines = predictions.floors(floors, floors.clear(), size="batch_size").to_dict()["layer"][0]["encoding"]
    assert len({*map(tuple, lines["strokeDash"]["scale"]["range"])}) == 2


def test_panels_of_one_name_say_what_else_they_are_of() -> None:
    devices = pl.concat([counters(device="NIC a"), counters(device="NIC b")])
    panels = drawn("lines", devices, **OVER_TIME)["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == [["% (NIC a)"], ["% (NIC b)"]]
    memory = pl.DataFrame(
        {
            "pid": [7, 7, 8],
            "gpu_id": [0, 1, 0],
            "kind": ["Device"] * 3,
            "time_ns": [0] * 3,
            "in_use_bytes": [5] * 3,
        }
    )
    of = {"x": "time_ns", "y": "in_use_bytes", "color": "kind", "apart": "pid", "panel": "gpu_id"}
    panels = drawn("lines", memory, **of)["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == [
        ["GPU 0 (Process 7)"],
        ["GPU 1"],
        ["GPU 0 (Process 8)"],
    ]


def test_no_axis_is_of_two_units() -> None:
    sampled = pl.concat([counters(), counters(unit=""), counters(unit="byte")]).with_columns(
        kernel=pl.lit("add")
    )
    panels = drawn("lines", sampled, **{**OVER_TIME, "panel": "kernel"})["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == [["add (%)"], ["add (count)"], ["add (byte)"]]
    axes = [panel["encoding"]["y"]["axis"]["title"] for panel in panels]
    assert axes == ["Avg (%)", "Avg (count)", "Avg (byte)"]
    metrics = pl.DataFrame(
        {
            "kernel": ["add"] * 3,
            "metric": ["read.sum", "write.sum", "throughput.pct"],
            "unit": ["byte", "byte", "%"],
            "value": [5e6, 6e6, 80.0],
        }
    )
    of = {"x": "kernel", "y": "value", "y_name": "metric", "y_unit": "unit"}
    panels = drawn("scatter", metrics, **of)["vconcat"]
    axes = [panel["encoding"]["x"]["axis"]["title"] for panel in panels]
    # Of several counters each has a colour, of one alone the axis has its name.
    assert axes == ["Value (MB)", "throughput.pct (%)"]
    assert panels[0]["encoding"]["color"]["scale"]["domain"] == ["read.sum", "write.sum"]
    assert "color" not in panels[1]["encoding"]


def test_pairs_of_bars_of_one_name_say_what_else_they_are_of() -> None:
    answer = pl.DataFrame(
        {
            "pid": [7, 7, 8],
            "gpu_id": [0, 1, 0],
            "pool_address": [140_606_458_298_368] * 2 + [16],
            "peak_bytes": [5, 6, 7],
            "peak_used_bytes": [1, 2, 3],
        }
    )
    chart = drawn("paired_bars", answer, x="pool_address", y="peak_bytes", y2="peak_used_bytes")
    names = [row[theme.NAME] for row in rows(chart, theme.NAME)]
    pool = "Pool address 0x7fe17e000000"
    assert names == [f"{pool} (GPU 0)", f"{pool} (GPU 1)", "Pool address 0x10"]


def test_a_picture_says_to_what_it_is_narrowed_and_how_many_rows_its_limit_leaves() -> None:
    made = Recording().range("step", 0, 100)
    for number in range(3):
        start = 10 * number
        made.call("cudaLaunchKernel", start, start + 1, kernel(f"k{number}", start + 2, start + 6))
    database = empty()
    made.store(database, "run")

    def lines(name: str, **given: Any) -> list[str]:
        return database.chart(name, trace="run", **given).to_dict()["title"].get("subtitle", [])

    assert lines("top_kernels") == ["run"]
    assert lines("top_kernels", limit=2) == ["run", "limited to 2 of 3 rows"]
    assert lines("top_kernels", from_=5, to=1_234_567_891) == ["run", "from 5 ns to 1.234567891 s"]
    assert lines("top_kernels", within="step") == ["run", "within step"]
    # What counts the rest is not said twice.
    assert lines("gpu_gaps", limit=1) == ["run", "the longest of 2"]
