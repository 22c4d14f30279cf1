"""The gallery of docs shows what is drawn today."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pixels
import pyarrow as pa
import pytest
import vl_convert
from draw import gallery
from hypothesis import given
from hypothesis import strategies as st

from traceql.draw import charts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with gallery.opened(tmp_path_factory.mktemp("gallery")) as database:
        yield database


def test_every_kind_of_chart_has_a_picture_and_no_other_file_lies_there() -> None:
    assert sorted(picture.kind for picture in gallery.PICTURES) == sorted(charts.KINDS)
    files = {file.name: file.stat().st_size for file in gallery.FOLDER.iterdir()}
    assert set(files) == {f"{picture.chart}.png" for picture in gallery.PICTURES}
    assert max(files.values()) <= 60_000


def test_the_page_of_the_gallery_has_the_commands_that_draw_it() -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page()


@pytest.mark.long
@pytest.mark.parametrize("picture", gallery.PICTURES, ids=lambda picture: picture.chart)
def test_a_picture_of_the_gallery_is_what_is_drawn_today(
    database: Database, picture: gallery.Picture
) -> None:
    wanted = pixels.decoded((gallery.FOLDER / f"{picture.chart}.png").read_bytes())
    found = gallery.drawn(database, picture)
    assert pixels.differing(found, wanted) <= gallery.MOST_APART, (
        "python tests/draw/gallery.py draws it again"
    )


@pytest.mark.long
def test_a_bar_that_is_a_tenth_longer_is_noticed(database: Database) -> None:
    picture = next(one for one in gallery.PICTURES if one.kind == "bars")
    wanted = pixels.decoded((gallery.FOLDER / f"{picture.chart}.png").read_bytes())
    answer = database.ask(picture.chart, **picture.params)
    times = answer.table["total_ns"].to_pylist()
    times[1] += times[1] // 10
    place = answer.table.column_names.index("total_ns")
    longer = answer.table.set_column(place, answer.table.schema.field(place), pa.array(times))
    found = gallery.as_pixels(replace(answer, table=longer).chart())
    assert pixels.differing(found, wanted) > gallery.MOST_APART


def test_a_png_that_is_written_is_read_again() -> None:
    few = np.array([[[0, 8, 16], [248, 8, 16]], [[0, 8, 16], [0, 0, 0]]], np.uint8)
    assert (pixels.decoded(pixels.encoded(few)) == few).all()
    assert pixels.differing(few, few) == 0
    assert pixels.differing(few, few[:1]) == 1
    assert pixels.differing(few, 255 - few) == 1


def test_a_png_of_vl_convert_is_what_its_svg_says() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#fff"/>'
        '<rect x="10" y="5" width="20" height="10" fill="#024ef8"/></svg>'
    )
    wanted = np.full((30, 40, 3), 255, np.uint8)
    wanted[5:15, 10:30] = (0x02, 0x4E, 0xF8)
    assert (pixels.decoded(bytes(vl_convert.svg_to_png(svg, scale=1.0))) == wanted).all()


@given(
    st.integers(1, 9).flatmap(
        lambda width: st.lists(
            st.tuples(st.integers(0, 4), st.binary(min_size=4 * width, max_size=4 * width)),
            min_size=1,
            max_size=7,
        )
    )
)
def test_lines_that_are_written_as_differences_are_read(lines: list[tuple[int, bytes]]) -> None:
    """Each line with one of PNG's filters: nothing, left, above, mean of both, Paeth's."""
    wanted = np.array([[*line] for _, line in lines], np.int64)
    height, length = wanted.shape
    told = np.zeros((height, length), np.int64)
    for y, (kind, _) in enumerate(lines):
        for x in range(length):
            left = wanted[y, x - 4] if x >= 4 else 0
            above = wanted[y - 1, x] if y else 0
            corner = wanted[y - 1, x - 4] if y and x >= 4 else 0
            nearest = min((left, above, corner), key=lambda one: abs(left + above - corner - one))
            told[y, x] = wanted[y, x] - (0, left, above, (left + above) // 2, nearest)[kind]
    filters = np.array([kind for kind, _ in lines], np.uint8)
    found = pixels.unfiltered(filters, (told % 256).astype(np.uint8).reshape(height, -1, 4))
    assert (found.reshape(height, length) == wanted).all()
