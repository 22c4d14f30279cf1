"""Sweeps: an elbow is one beyond noise, one point is one number, and peaks are those of what took part."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from made.runs import Runs
from made.store import empty
from scipy.special import betainc

import traceql
from traceql.predict import hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from traceql import Database

Curve = list[tuple[float, float]]

#: Chance of an elbow on a curve that has none, at most.
ALPHA = 0.005


@pytest.fixture(scope="module")
def db() -> Iterable[Database]:
    with traceql.open(":memory:") as opened:
        yield opened


def elbows(db: Database, curves: Sequence[Curve]) -> dict[int, float]:
    rows = ", ".join(
        f"({number}, {x!r}::DOUBLE, {y!r}::DOUBLE)" for number, curve in enumerate(curves) for x, y in curve
    )
    answer = db.sql(f"WITH points AS (FROM (VALUES {rows}) AS v(curve, x, y)) FROM elbows(points)")
    assert answer["curve"].sort().to_list() == list(range(len(curves)))
    assert all(
        (elbow is None) != (why is None) for elbow, why in answer.select("elbow", "no_elbow").iter_rows()
    )
    return dict(answer.filter(pl.col("elbow").is_not_null()).select("curve", "elbow").iter_rows())


def noisy(
    seed: int, curves: int, points: int, noise: float, shape: Callable[[float], float] = lambda x: 1.0
) -> list[Curve]:
    """Curves over doubling sizes, 5 ms high, with normal noise."""
    draw = random.Random(seed)
    sizes = [16.0 * 2**n for n in range(points)]
    return [[(x, 5 * (shape(x) + draw.gauss(0, noise))) for x in sizes] for _ in range(curves)]


@pytest.mark.long
@pytest.mark.parametrize("noise", [0.01, 0.1])
@pytest.mark.parametrize("points", [4, 6, 9])
def test_a_flat_curve_hardly_ever_has_an_elbow(db: Database, points: int, noise: float) -> None:
    curves = 1_500
    found = elbows(db, noisy(13, curves, points, noise))
    # Three standard deviations over what is allowed; and of 1 % of noise no 5 % of rise is made.
    assert len(found) <= curves * ALPHA + 3 * math.sqrt(curves * ALPHA)
    if noise == 0.01:
        assert found == {}


@pytest.mark.long
@pytest.mark.parametrize("growth", [1.3, 2, 8])
@pytest.mark.parametrize("noise", [0.2, 0.3])
def test_doubling_finds_no_more_on_flat_curves_of_four_points(
    db: Database, noise: float, growth: float
) -> None:
    draw = random.Random(29)
    curves = [[(growth**n, 5 * (1 + draw.gauss(0, noise))) for n in range(4)] for _ in range(1_500)]
    assert len(elbows(db, curves)) <= 1_500 * ALPHA + 3 * math.sqrt(1_500 * ALPHA)


def test_four_points_show_a_sharp_bend(db: Database) -> None:
    assert elbows(
        db,
        [
            # No noise at all; a little; and a bend between two of them, of which the nearer is told.
            [(1, 8), (32, 8), (128, 8), (512, 32)],
            [(1, 8), (32, 8.05), (128, 8.4), (512, 32)],
            [(1, 10), (8, 10.2), (64, 12), (256, 30)],
            # The last point alone is high, but no more than the others waver.
            [(1, 8), (32, 10), (128, 7), (512, 12)],
        ],
    ) == {0: 128, 1: 128, 2: 64}


@pytest.mark.long
@pytest.mark.parametrize("noise", [0, 0.01])
def test_a_straight_line_rises_and_has_no_elbow(db: Database, noise: float) -> None:
    draw = random.Random(31)
    sizes = {"decode_sweep": (1, 4, 16, 64, 128, 256, 512), "prefill_sweep": (16, 64, 256, 1024, 4096)}
    for points in (*sizes.values(), (1, 64, 512, 1024)):
        line = [(float(x), (5 + 0.02 * x) * (1 + draw.gauss(0, noise))) for x in points]
        assert elbows(db, [line]) == {}
    db = empty()
    lengths = ({"gpu": "H200", "input_len": n, "ms": 5 + 0.02 * n} for n in sizes["prefill_sweep"])
    batches = ({"gpu": "H200", "batch": n, "ms_per_token": 8 + 0.05 * n} for n in sizes["decode_sweep"])
    three = ({"gpu": "L40S", "batch": n, "ms_per_token": 8 + 0.05 * n} for n in (1, 64, 512))
    Runs(*lengths, *batches, *three).store(db, "line")
    for question, column in (
        ("prefill_sweep", "elbow_fit_tokens"),
        ("decode_sweep", "empirical_ridge_batch"),
    ):
        answer = db.query(question)
        assert answer[column].null_count() == answer.height > 0
        assert answer["remark"].unique().to_list() == ["no elbow: rises from the first point on"]
        # Nor does its chart mark one.
        assert "fitted elbow" not in {
            row.get("kind") for rows in db.chart(question).to_dict()["datasets"].values() for row in rows
        }


@pytest.mark.parametrize(
    ("tags", "remark"),
    [
        ({"weight_bytes": "lots"}, "weight_bytes is no positive number: lots"),
        ({"weight_bytes": "-5"}, "weight_bytes is no positive number: -5"),
        ({"weight_bytes": "inf"}, "weight_bytes is no positive number: inf"),
        ({"tensor_parallel_size": "two"}, "tensor_parallel_size is no positive whole number: two"),
        ({"tp": "0"}, "tp is no positive whole number: 0"),
        ({"tp": "1.5"}, "tp is no positive whole number: 1.5"),
        (
            {"weight_dtype": "banana"},
            "weight_bytes of the model not given; no number of bits in weight_dtype: banana",
        ),
    ],
)
def test_a_tag_of_decoding_that_is_no_number_is_named_and_gives_no_share(
    tags: dict[str, str], remark: str
) -> None:
    db = empty()
    Runs({"gpu": "H200", "batch": 1, "ms_per_token": 5, **tags}).store(db, "s")
    answer = db.ask("decode_sweep", weight_bytes=None if "weight_dtype" in tags else 1.6e10)
    (row,) = answer.frame().to_dicts()
    assert row["remark"] == f"{remark}; no elbow: fewer than three batch sizes"
    assert (row["floor_ms"], row["hbm_utilisation_pct"]) == (None, None)
    assert [note.text for note in answer.notes] == [f"{row['remark']} (s, H200)"]


@pytest.mark.parametrize(
    ("tags", "remark"),
    [
        ({"flop_per_token": "lots"}, "flop_per_token is no positive number: lots"),
        ({"tp": "two"}, "tp is no positive whole number: two"),
        ({"pipeline_parallel_size": "0"}, "pipeline_parallel_size is no positive whole number: 0"),
        ({"dp": "-1"}, "dp is no positive whole number: -1"),
        ({"batch": "many"}, "batch is no positive whole number: many"),
    ],
)
def test_a_tag_of_prefill_that_is_no_number_is_named_and_gives_no_share(
    tags: dict[str, str], remark: str
) -> None:
    db = empty()
    Runs({"gpu": "H200", "input_len": 64, "ms": 5, **tags}).store(db, "s")
    (row,) = db.query("prefill_sweep", flop_per_token=1e10).to_dicts()
    assert row["remark"] == f"{remark}; no elbow: fewer than four points"
    assert row["achieved_of_peak_pct"] is None
    assert (row["ridge_tokens"] is None) == (tags.keys() <= {"dp", "batch"})


@pytest.mark.long
@pytest.mark.parametrize("points", [5, 7])
def test_a_falling_curve_has_none(db: Database, points: int) -> None:
    assert elbows(db, noisy(17, 500, points, 0.02, lambda x: 1 - x / 5_000)) == {}
    # Without any noise, too: a line, and a level.
    straight = [
        [(x, 5 - x / 1_000) for x in (16.0, 32.0, 64.0, 128.0, 256.0)],
        [(x, 5.1) for x in (1.0, 2.0, 3.0, 4.0)],
    ]
    assert elbows(db, straight) == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("points", "noise", "times", "power"),
    [(6, 0.01, 1.2, 0.99), (6, 0.05, 2, 0.99), (5, 0.05, 2, 0.9), (9, 0.1, 2, 0.9), (4, 0.01, 2, 0.99)],
)
def test_a_curve_that_bends_beyond_its_noise_has_one(
    db: Database, points: int, noise: float, times: float, power: float
) -> None:
    last, bend = 16.0 * 2 ** (points - 1), 16.0 * 2 ** (points - 3)
    curves = noisy(19, 500, points, noise, lambda x: 1 + (times - 1) * max(0, x - bend) / (last - bend))
    found = elbows(db, curves)
    assert len(found) >= power * len(curves)
    # And mostly where it is.
    assert sum(elbow == bend for elbow in found.values()) > len(found) / 2


@pytest.mark.long
def test_the_elbow_is_that_of_the_smallest_squares_by_an_exact_test(db: Database) -> None:
    draw = random.Random(23)
    curves, expected = [], {}
    for number in range(300):
        points = draw.randrange(3, 10)
        xs = sorted(draw.sample(range(1, 1_000), points))
        slope, bend = draw.choice([0, -0.01, 0.001, 0.01, 0.1]), draw.choice(xs)
        ys = [5 + slope * max(0, x - bend) + draw.gauss(0, 0.1) for x in xs]
        curves.append([(float(x), y) for x, y in zip(xs, ys, strict=True)])
        chance, elbow, rise, share = exact(np.array(xs, float), np.array(ys))
        # Of four points, a rise to twice the level may leave 1.5 %.
        is_double = points == 4 and rise >= 1 and share <= 0.015
        # What bounds the chance from above is close: nothing that is clear may differ.
        if points >= 4 and rise >= 0.05 and (chance <= ALPHA * 0.8 or is_double):
            # One at the first point has no flat part before it.
            if elbow > xs[0]:
                expected[number] = elbow
        elif points >= 4 and chance <= ALPHA and rise >= 0.05:
            curves[-1] = [(1.0, 1.0)]
    assert elbows(db, curves) == expected
    assert 50 < len(expected) < 250


def exact(xs: np.ndarray, ys: np.ndarray) -> tuple[float, float, float, float]:
    """Of the best hinge: the chance of one as good, where it bends, its rise, and what share it leaves."""
    best = (math.inf, math.nan, 0.0)
    for bend in xs[:-1]:
        hinge = np.column_stack([np.ones_like(xs), np.maximum(0, xs - bend)])
        (level, slope), *_ = np.linalg.lstsq(hinge, ys, rcond=None)
        squares = float(((hinge @ (level, slope) - ys) ** 2).sum())
        if slope > 0:
            best = min(best, (squares, float(bend), slope * (xs[-1] - bend) / level))
    share = best[0] / float(((ys - ys.mean()) ** 2).sum())
    chance = (len(xs) - 1) * betainc(len(xs) / 2 - 1, 0.5, min(share, 1)) / 2
    return float(chance), best[1], best[2], share


def test_a_point_that_was_measured_again_is_one_point_with_the_mean() -> None:
    db = empty()
    sizes, again = (100, 200, 400, 800), (1, 2, 3)
    Runs(
        *(
            {"gpu": "H200", "input_len": n, "repeat": k, "seed": 7 * k, "ms": max(10, n / 20) + k - 2}
            for k in again
            for n in sizes
        )
    ).store(db, "repeated")
    answer = db.query("prefill_sweep")
    assert answer["config"].unique().to_list() == [""]
    assert answer.select("input_len", "ms").rows() == [(100, 10), (200, 10), (400, 20), (800, 40)]
    assert answer["overhead_floor_ms"].unique().to_list() == [10]
    assert answer["steady_us_per_token"].unique().to_list() == [50]
    assert answer["elbow_fit_tokens"].unique().to_list() == [200]


def test_a_run_that_has_a_name_is_no_repetition() -> None:
    db = empty()
    Runs(*({"gpu": "H200", "batch": 1, "run": name, "ms_per_token": 5} for name in ("eager", "graph"))).store(
        db, "s"
    )
    assert db.query("decode_sweep")["config"].to_list() == ["run=eager", "run=graph"]


def test_the_bytes_of_a_type_are_those_that_predictions_count(db: Database) -> None:
    for name, width in hardware.BYTES_PER_ELEMENT.items():
        answer = db.sql(
            f"SELECT weight_element_bytes(MAP {{}}::MAP(VARCHAR, VARCHAR), NULL, '{name}') AS width"
        )
        assert answer["width"].to_list() == [width]


def test_what_is_assumed_and_what_is_missing_is_said_beside_the_answer() -> None:
    db = empty()
    Runs({"gpu": "H200", "batch": 1, "ms_per_token": 5}).store(db, "nameless")
    Runs({"gpu": "H200", "batch": 1, "model": "70b", "ms_per_token": 50}).store(db, "large")
    assert [note.text for note in db.ask("decode_sweep").notes] == [
        "No model is named and no weight_bytes given for nameless: taken for Llama-3.1-8B",
        "no elbow: fewer than three batch sizes (nameless, H200)",
        "weight_bytes of the model not given; no elbow: fewer than three batch sizes (large, H200)",
    ]
    assert [note.text for note in db.ask("decode_sweep", weight_bytes=1.4e11).notes] == [
        f"no elbow: fewer than three batch sizes ({sweep}, H200)" for sweep in ("large", "nameless")
    ]
